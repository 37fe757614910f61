import { type Identifier, type Namespaces, namespaceOf, type Strength } from '@halfsecond/protocol'
import type { NewRecord } from './recorder.ts'

export interface LinkOptions {
  /**
   * Namespaces of addresses that this visitor has just proven to own, like `['email']` after a link
   * in a mail was opened: they join profiles like a login does. Default: none, an address is what
   * somebody typed.
   */
  readonly verified?: readonly string[]
}

/** Links every other identifier to the greatest, `key`. */
export function starOf(
  key: Identifier,
  identifiers: readonly Identifier[],
  { verified = [] }: LinkOptions,
  namespaces: Namespaces,
): readonly NewRecord[] {
  const isProven = (one: Identifier) => {
    const namespace = namespaceOf(one)
    return verified.includes(namespace) || namespaces.get(namespace)?.class !== 'contact'
  }
  const isKnown =
    namespaces.get(namespaceOf(key))?.class === 'account' || verified.includes(namespaceOf(key))
  return identifiers
    .filter((one) => one !== key)
    .map((one) => {
      const strength: Strength = isKnown && isProven(one) ? 'authenticated' : 'asserted'
      return { kind: 'link', key: one, to: key, strength }
    })
}
