import type { HeadView } from './head-view.ts'
import { linksOf, type PersonLink } from './person-view.ts'

/** A link that joins nobody: it broke a limit, or one of its ends is not proven. */
export type ConflictView = PersonLink

export function conflictsOf(head: HeadView): ConflictView[] {
  return linksOf([head]).filter(({ state }) => state === 'refused' || state === 'unverified')
}
