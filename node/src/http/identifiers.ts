import {
  bounds,
  HalfsecondError,
  type Identifier,
  identifierOf,
  isFields,
  type Namespaces,
  parseIdentifier,
} from '@halfsecond/protocol'

/**
 * Canonical identifiers of `{anon: "4hG8"}` or `["anon:4hG8"]`; at least one.
 * @throws HalfsecondError `INVALID`, `TOO_LARGE` or `UNKNOWN_NAMESPACE`
 */
export function identifiersIn(value: unknown, namespaces: Namespaces): readonly Identifier[] {
  const entries: readonly unknown[] = Array.isArray(value)
    ? value
    : isFields(value)
      ? Object.entries(value)
      : []
  if (entries.length === 0)
    throw new HalfsecondError('INVALID', 'identifiers are {"anon": "4hG8"} or ["anon:4hG8"]')
  if (entries.length > bounds.identifiersPerCall)
    throw new HalfsecondError('TOO_LARGE', `at most ${bounds.identifiersPerCall} identifiers`)
  return entries.map((entry) => identifierIn(entry, namespaces))
}

/** A number is no value: 9007199254740993 would become another visitor. */
function identifierIn(entry: unknown, namespaces: Namespaces): Identifier {
  if (typeof entry === 'string') return parseIdentifier(entry, namespaces)
  const [namespace, value]: unknown[] = Array.isArray(entry) ? entry : []
  if (typeof namespace === 'string' && typeof value === 'string')
    return identifierOf(namespace, value, namespaces)
  throw new HalfsecondError('INVALID', 'the value of an identifier is text')
}
