import {
  type ChannelRecord,
  compareIdentifiers,
  greatest,
  HalfsecondError,
  type Identifier,
  isChannelRecord,
  isFields,
  type Namespaces,
  parseIdentifier,
  recordFault,
} from '@halfsecond/protocol'
import { identifiersIn } from './identifiers.ts'

/**
 * The record that another system wrote as JSON. What goes without saying may be left out: the time,
 * empty `properties`, `set` and `unset`, and that a link is asserted.
 * @throws HalfsecondError `INVALID` or `UNKNOWN_NAMESPACE`
 */
export function jsonRecord(item: unknown, now: number, namespaces: Namespaces): ChannelRecord {
  if (!isFields(item)) throw new HalfsecondError('INVALID', 'a record is a map')
  // The number belongs to the producer, which is this node.
  const { identifiers, n: _, ...fields } = item
  const key = keyOf(fields.key, identifiers, namespaces)
  const at = fields.at ?? now
  const made = { ...unsaid(fields.kind), ...fields, key, at, ...ends(fields, key, namespaces) }
  if (isChannelRecord(made, namespaces)) return made
  throw new HalfsecondError('INVALID', recordFault(made, namespaces) ?? 'not a record')
}

function unsaid(kind: unknown): object {
  switch (kind) {
    case 'event':
      return { properties: {} }
    case 'traits':
      return { set: {}, unset: [] }
    case 'link':
      return { strength: 'asserted' }
    default:
      return {}
  }
}

function keyOf(key: unknown, identifiers: unknown, namespaces: Namespaces): Identifier {
  if (typeof key === 'string') return parseIdentifier(key, namespaces)
  const greatestOne =
    key === undefined && identifiers !== undefined
      ? greatest(identifiersIn(identifiers, namespaces), namespaces)
      : undefined
  if (greatestOne !== undefined) return greatestOne
  throw new HalfsecondError('INVALID', 'a record names its key, like anon:4hG8, or identifiers')
}

/** A link is stored at the lower of its two ends, whichever way round it was written. */
function ends(
  { kind, to }: { readonly [name: string]: unknown },
  key: Identifier,
  namespaces: Namespaces,
): { readonly key?: Identifier; readonly to?: Identifier } {
  if ((kind !== 'link' && kind !== 'unlink') || typeof to !== 'string') return {}
  const other = parseIdentifier(to, namespaces)
  return compareIdentifiers(key, other, namespaces) > 0
    ? { key: other, to: key }
    : { key, to: other }
}
