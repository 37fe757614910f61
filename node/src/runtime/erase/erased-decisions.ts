import { type FragmentId, identifierIn } from '@halfsecond/protocol'
import { headOf } from '../../core/decision/logged-decision.ts'
import type { Decisions } from '../ports.ts'

/**
 * Removes decisions about whoever was erased, and entries that nobody can read: they may be about
 * anybody.
 * @param erasedAt until when what was known of an identifier was erased, in milliseconds since 1970
 * @returns how many
 */
export function removeErasedDecisions(
  decisions: Decisions,
  erasedAt: (identifier: string) => number,
): Promise<number> {
  return decisions.remove((entry) => {
    const head = headOf(entry)
    if (head === undefined) return true
    const isErased = (id: FragmentId) => head.at <= erasedAt(identifierIn(id))
    return isErased(head.key) || head.members.some(({ id }) => isErased(id))
  })
}
