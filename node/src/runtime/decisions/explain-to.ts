import { bounds, type Identifier, ulid } from '@halfsecond/protocol'
import { explanationsOf } from '../../core/decision/explain.ts'
import type { Explanation } from '../../core/decision/explanation.ts'
import type { Clock, Random } from '../ports.ts'
import type { Decider } from './decider.ts'

/**
 * What would be shown to somebody now, and why.
 * @param isApart each placement by itself: nobody asks for all of them at once, and in one answer,
 *   where an offer appears once, the first placement would take it from the others
 */
export async function explainTo(
  decider: Pick<Decider, 'explain'>,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  identifiers: readonly Identifier[],
  placements: readonly string[],
  isApart: boolean,
): Promise<readonly Explanation[]> {
  const asked = isApart ? placements.map((one) => [one]) : [placements]
  const explained = await Promise.all(
    asked.map((together) =>
      decider.explain({
        kind: 'decide',
        decision: ulid(clock.now(), (bytes) => random.bytes(bytes.length)),
        identifiers,
        placements: together,
        deadline: bounds.deadlineMs,
        positions: [],
        pending: [],
      }),
    ),
  )
  return explained.flatMap(explanationsOf)
}
