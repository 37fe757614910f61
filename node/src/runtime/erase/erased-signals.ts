import { isFields, isFragmentId } from '@halfsecond/protocol'
import type { Signals } from '../ports.ts'

/**
 * Removes what other systems were told of whoever was erased.
 * @param erasedAt until when what was known of an identifier was erased, in milliseconds since 1970
 * @returns how many
 */
export function removeErasedSignals(
  signals: Signals,
  erasedAt: (identifier: string) => number,
): Promise<number> {
  return signals.remove((text) => {
    const signal: unknown = JSON.parse(text)
    if (!isFields(signal)) return false
    const { profile, members, into, at } = signal
    const named: unknown[] = [profile, into, ...(Array.isArray(members) ? members : [])]
    return named.some(
      (one) => isFragmentId(one) && typeof at === 'number' && at <= erasedAt(identifierOf(one)),
    )
  })
}

/** A later epoch of a device is written with its number behind a space; identifiers have none. */
function identifierOf(name: string): string {
  return name.replace(/ #\d+$/, '')
}
