import { bounds } from './bounds.ts'
import { HalfsecondError } from './errors.ts'
import { compareUtf8, isLonger, isPrintable, printable } from './text.ts'

declare const canonical: unique symbol
/** A canonical identifier, `namespace:value`: normalised by its namespace, in Unicode form NFC. */
export type Identifier = string & { readonly [canonical]: true }

/** Greatest first. The order decides which identifier of a call is its key, and who is a root. */
export type IdentifierClass = 'account' | 'contact' | 'device' | 'session'

export interface Namespace {
  readonly name: string
  readonly class: IdentifierClass
  /** Place in the static order: greater is nearer to the person. Fixed at first use. */
  readonly rank: number
  /** `email`: trimmed, lower case. `phone`: digits and a leading plus. `text`: trimmed. */
  readonly normalise: 'text' | 'email' | 'phone'
  /** Canonical values that stand for nobody, besides the built-in placeholders. */
  readonly blocked?: readonly string[]
}

const builtIn: readonly Namespace[] = [
  { name: 'user', class: 'account', rank: 410, normalise: 'text' },
  { name: 'crm', class: 'account', rank: 400, normalise: 'text' },
  { name: 'email', class: 'contact', rank: 310, normalise: 'email' },
  { name: 'phone', class: 'contact', rank: 300, normalise: 'phone' },
  { name: 'push', class: 'device', rank: 210, normalise: 'text' },
  { name: 'anon', class: 'device', rank: 200, normalise: 'text' },
]

/** Form of a namespace's name: no colon, and short, so that an identifier stays splittable and short. */
export const namespacePattern = /^[a-z][a-z0-9_-]{0,31}$/

export type Namespaces = ReadonlyMap<string, Namespace>

/** What a cluster knows unless its identity configuration says more. */
export const builtInNamespaces: Namespaces = new Map(builtIn.map((one) => [one.name, one]))

/** Values that a broken integration sends for everybody; one of them would glue strangers together. */
const placeholders = new Set(
  '0,-1,null,undefined,none,unknown,anonymous,guest,test,nan,true,false,[object object],00000000-0000-0000-0000-000000000000'.split(
    ',',
  ),
)

/**
 * Makes the canonical identifier of a raw value.
 * @throws HalfsecondError `UNKNOWN_NAMESPACE`, or `INVALID` for an empty, over-long, malformed or
 *   placeholder value, and for one that the identity configuration blocks.
 */
export function identifierOf(
  namespace: string,
  value: string,
  namespaces: Namespaces = builtInNamespaces,
): Identifier {
  const known = namespaces.get(namespace)
  if (!known) {
    const names = [...namespaces.keys()].join(', ')
    throw new HalfsecondError(
      'UNKNOWN_NAMESPACE',
      `no namespace "${printable(namespace)}": use one of ${names}`,
    )
  }
  const candidate = `${namespace}:${canonicalValue(value, known)}`
  if (isIdentifier(candidate, namespaces)) return candidate
  const fault = identifierFault(candidate, namespaces)
  throw new HalfsecondError('INVALID', `${namespace}: ${fault}`)
}

/** Canonical identifier of `namespace:value` text. Throws like `identifierOf`. */
export function parseIdentifier(
  text: string,
  namespaces: Namespaces = builtInNamespaces,
): Identifier {
  const colon = text.indexOf(':')
  if (colon < 0) {
    throw new HalfsecondError(
      'INVALID',
      `"${printable(text)}" is not namespace:value, like anon:4hG8 or crm:991`,
    )
  }
  return identifierOf(text.slice(0, colon), text.slice(colon + 1), namespaces)
}

/** The canonical form of a value, which may still be empty, too long or blocked. */
export function canonicalValue(value: string, namespace: Pick<Namespace, 'normalise'>): string {
  const trimmed = value.normalize('NFC').trim()
  if (namespace.normalise === 'email') return trimmed.toLowerCase().normalize('NFC')
  return namespace.normalise === 'phone' ? phoneNumber(trimmed) : trimmed
}

/** Digits, behind a plus where the number is international. Without digits it is empty. */
function phoneNumber(text: string): string {
  const digits = text.replace(/\D/g, '')
  if (/^\D*\+/.test(text)) return digits === '' ? '' : `+${digits}`
  if (!digits.startsWith('00')) return digits
  return digits.length === 2 ? '' : `+${digits.slice(2)}`
}

/** Whether `value` has the form of a canonical identifier; what doors, clients and fold accept as a key. */
export function isIdentifier(value: unknown, namespaces: Namespaces): value is Identifier {
  return identifierFault(value, namespaces) === undefined
}

/** Why `value` is not a canonical identifier, or undefined. Unicode form is the doors' care, not the fold's. */
export function identifierFault(value: unknown, namespaces: Namespaces): string | undefined {
  if (typeof value !== 'string') return 'an identifier is text, namespace:value'
  const colon = value.indexOf(':')
  if (colon < 1) return 'an identifier is namespace:value'
  const namespace = namespaces.get(value.slice(0, colon))
  if (namespace === undefined) return 'its namespace is not configured'
  if (colon + 1 === value.length) return 'its value is empty'
  if (isLonger(value.slice(colon + 1), bounds.identifierBytes))
    return `its value is longer than ${bounds.identifierBytes} bytes`
  if (!isPrintable(value)) return 'its value has control characters or is not well-formed text'
  if (value.length - colon < 40 && placeholders.has(value.slice(colon + 1).toLowerCase())) {
    return 'its value is a placeholder that would join strangers'
  }
  if (namespace.blocked?.includes(value.slice(colon + 1))) {
    return 'its value is blocked by the identity configuration: it stands for nobody'
  }
  return undefined
}

const unblocked = new WeakMap<Namespaces, Namespaces>()

/**
 * The same namespaces without their blocked values: what nobody may be known by any more can still be
 * looked at, unlinked and erased.
 */
export function evenBlocked(namespaces: Namespaces): Namespaces {
  const known = unblocked.get(namespaces)
  if (known) return known
  const made = new Map(
    Array.from(namespaces, ([name, { blocked: _, ...namespace }]) => [name, namespace] as const),
  )
  unblocked.set(namespaces, made)
  return made
}

/** The namespace part of a canonical identifier. */
export function namespaceOf(identifier: Identifier): string {
  return identifier.slice(0, identifier.indexOf(':'))
}

/** The value part of a canonical identifier. */
export function valuePart(identifier: Identifier): string {
  return identifier.slice(identifier.indexOf(':') + 1)
}

const classes: Record<IdentifierClass, number> = { account: 4, contact: 3, device: 2, session: 1 }

/**
 * The static order of identifiers: by class, then by rank of the namespace, then by UTF-8 bytes.
 * No rank lifts a device above an account.
 */
export function compareIdentifiers(a: Identifier, b: Identifier, namespaces: Namespaces): number {
  const left = namespaces.get(namespaceOf(a))
  const right = namespaces.get(namespaceOf(b))
  if (left === undefined || right === undefined || left === right) return compareUtf8(a, b)
  return classes[left.class] - classes[right.class] || left.rank - right.rank || compareUtf8(a, b)
}

/** The key of a call that names these identifiers: the greatest. Undefined for an empty list. */
export function greatest(
  identifiers: readonly Identifier[],
  namespaces: Namespaces,
): Identifier | undefined {
  let best = identifiers[0]
  for (let i = 1; i < identifiers.length; i++) {
    const next = identifiers[i]
    if (best !== undefined && next !== undefined && compareIdentifiers(next, best, namespaces) > 0)
      best = next
  }
  return best
}
