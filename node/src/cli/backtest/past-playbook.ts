import type { Decider } from '../../core/learning/candidate-replay.ts'
import { catalogueVersionsOf } from '../../playbook/catalogue-versions.ts'
import { readPlaybook } from '../../playbook/compile-playbook.ts'
import { PlaybookError } from '../../playbook/faults.ts'
import type { PlaybookSource } from '../../playbook/source.ts'
import { unchangedPlacements } from '../../playbook/unchanged-placements.ts'

/** A playbook that decided. */
export interface PastPlaybook extends Decider {
  /** What `catalogueVersionsOf` gives of it. */
  readonly bound: ReadonlyMap<string, string | undefined>
}

/**
 * Reads the text of a playbook that decided, without the items of its catalogues. One that this version
 * of halfsecond refuses is as good as gone.
 */
export function pastPlaybook(
  text: string | undefined,
  candidate: PlaybookSource,
): PastPlaybook | undefined {
  try {
    if (text === undefined) return undefined
    const { playbook, source } = readPlaybook(text)
    const unchanged = unchangedPlacements(source, candidate)
    return { playbook, unchanged, bound: catalogueVersionsOf(text) }
  } catch (error) {
    if (error instanceof PlaybookError) return undefined
    throw error
  }
}
