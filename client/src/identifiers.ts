import {
  bounds,
  greatest,
  HalfsecondError,
  type Identifier,
  identifierOf,
  importPositions,
  type Namespaces,
  namespaceOf,
  type Position,
} from '@halfsecond/protocol'

/** Identifiers by namespace: `{ anon: '4hG8…', user: '17' }`. */
export type Identifiers = { readonly [namespace: string]: string | number | undefined }

/** @throws HalfsecondError `TOO_LARGE` */
export function checkedCount(identifiers: readonly Identifier[]): readonly Identifier[] {
  if (identifiers.length <= bounds.identifiersPerCall) return identifiers
  throw new HalfsecondError('TOO_LARGE', `at most ${bounds.identifiersPerCall} identifiers`)
}

/** @throws HalfsecondError `INVALID` or `UNKNOWN_NAMESPACE` */
export function toIdentifiers(
  identifiers: Identifiers,
  namespaces: Namespaces,
): readonly Identifier[] {
  const named: Identifier[] = []
  for (const [namespace, value] of Object.entries(identifiers)) {
    if (value !== undefined) named.push(identifierOf(namespace, String(value), namespaces))
  }
  return named
}

/** @throws HalfsecondError `MALFORMED` */
export function toPositions(text: string | undefined): readonly Position[] {
  return text === undefined || text === '' ? [] : importPositions(text)
}

/** Those of devices, like a browser's. */
export function devicesIn(
  identifiers: readonly Identifier[],
  namespaces: Namespaces,
): readonly Identifier[] {
  return identifiers.filter((one) => namespaces.get(namespaceOf(one))?.class === 'device')
}

/** What records about somebody of these identifiers are keyed by. @throws HalfsecondError `INVALID` where there are none */
export function greatestOf(identifiers: readonly Identifier[], namespaces: Namespaces): Identifier {
  const key = greatest(identifiers, namespaces)
  if (key !== undefined) return key
  throw new HalfsecondError('INVALID', 'a visitor has at least one identifier')
}
