import { type FragmentId, isFragmentId } from '@halfsecond/protocol'

/**
 * The same identifier in memory of its own. A decoded text of 13 characters or more is a view of all
 * the texts of its batch, and keeps them: whoever holds it for longer than the batch holds a copy.
 */
export function ownId(id: FragmentId): FragmentId {
  // The one way to a text that shares nothing, whatever its characters.
  const own: unknown = JSON.parse(JSON.stringify(id))
  return isFragmentId(own) ? own : id
}
