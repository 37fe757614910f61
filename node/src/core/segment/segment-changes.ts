import type { Calendar } from '../decision/calendar.ts'
import { mayPersonalise, type Profile } from '../decision/decide.ts'
import { Evaluation } from '../decision/evaluation.ts'
import type { Playbook, Segment } from '../decision/playbook.ts'

/** A segment that somebody is in now, or no longer. */
export interface SegmentChange {
  readonly name: string
  readonly isIn: boolean
  /** What the playbook says of it; undefined where it has no such segment any more. */
  readonly segment: Segment | undefined
}

/**
 * What changes for somebody who was told to be in some segments. What is not known changes nothing.
 * Who nothing is known of, or did not agree to be addressed by what is, is in no segment.
 * @param before the segments that other systems were told of; null: none
 * @param profile undefined where nothing is known of them
 */
export function segmentChanges(
  before: ReadonlySet<string> | null,
  profile: Profile | undefined,
  playbook: Playbook,
  calendar: Calendar,
  now: number,
): readonly SegmentChange[] {
  const changes: SegmentChange[] = []
  const { segments } = playbook
  for (const name of before ?? [])
    if (!segments.some((one) => one.name === name))
      changes.push({ name, isIn: false, segment: undefined })
  if (segments.length === 0) return changes
  const facts =
    profile !== undefined && mayPersonalise(profile, playbook)
      ? new Evaluation(profile, playbook, calendar, now)
      : undefined
  for (const segment of segments) {
    const { name } = segment
    const isIn = facts === undefined ? false : facts.fact(segment.fact)
    if (isIn === undefined || isIn === (before?.has(name) ?? false)) continue
    changes.push({ name, isIn, segment })
  }
  return changes
}
