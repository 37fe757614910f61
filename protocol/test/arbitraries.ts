import fc from 'fast-check'
import { bounds } from '../src/bounds.ts'
import { type Identifier, identifierOf } from '../src/identifier.ts'
import {
  type ChannelRecord,
  outcomes,
  reservedNames,
  strengths,
  type Value,
} from '../src/records.ts'
import { isPrintable, isWellFormed } from '../src/text.ts'

/** What one test expects to throw; undefined where nothing was thrown. */
export function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (thrown) {
    return thrown
  }
  return undefined
}

export const text = fc.string({ unit: 'binary', maxLength: 90 }).filter(isWellFormed)

export const name = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 16 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
  )
  .filter((one) => isPrintable(one) && Buffer.byteLength(one) <= bounds.nameBytes)

const propertyName = name.filter(
  (one) => one !== '__proto__' && one !== 'constructor' && one !== 'prototype',
)

const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => (one === 0 ? 0 : one)),
)

const leaf: fc.Arbitrary<Value> = fc.oneof(text, number, fc.boolean(), fc.constant(null))

function nested(inner: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.oneof(
    leaf,
    fc.array(inner, { maxLength: 5 }),
    fc.dictionary(propertyName, inner, { maxKeys: 5, noNullPrototype: true }),
  )
}

/** Values that properties may hold, as deep as they may be. */
export const value: fc.Arbitrary<Value> = nested(nested(nested(leaf)))

export const properties = fc.dictionary(propertyName, value, { maxKeys: 20, noNullPrototype: true })

export const identifier: fc.Arbitrary<Identifier> = fc
  .tuple(
    fc.constantFrom('user', 'crm', 'email', 'push', 'anon'),
    fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 20 })),
  )
  .filter(([namespace, one]) => thrownBy(() => identifierOf(namespace, one)) === undefined)
  .map(([namespace, one]) => identifierOf(namespace, one))

const id = fc.stringMatching(/^[!-~]{1,64}$/)
const time = fc.integer({ min: 0, max: 253_402_300_799_999 })

/** Records of every kind that a channel may write. */
export const record: fc.Arbitrary<ChannelRecord> = fc
  .tuple(
    fc.record(
      {
        id,
        key: identifier,
        at: time,
        n: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        channel: name,
        source: name,
      },
      { requiredKeys: ['id', 'key', 'at'], noNullPrototype: true },
    ),
    fc.oneof(
      fc.record({
        kind: fc.constant('event' as const),
        name: name.filter((one) => !reservedNames.has(one)),
        properties,
      }),
      fc.record({
        kind: fc.constant('traits' as const),
        set: properties.map((set) =>
          Object.fromEntries(Object.entries(set).filter(([, one]) => one !== null)),
        ),
        unset: fc.array(name, { maxLength: 5 }),
      }),
      fc.record({
        kind: fc.constant('link' as const),
        to: identifier,
        strength: fc.constantFrom(...strengths),
      }),
      fc.record({ kind: fc.constant('unlink' as const), to: identifier }),
      fc.record({ kind: fc.constant('logout' as const) }),
      fc.record({
        kind: fc.constant('outcome' as const),
        decision: id,
        placement: name,
        offer: name,
        treatment: name,
        outcome: fc.constantFrom(...outcomes),
      }),
      fc.record({ kind: fc.constant('consent' as const), purpose: name, granted: fc.boolean() }),
      fc.record({ kind: fc.constant('erase' as const), eraseId: id }),
    ),
  )
  .filter(([common, own]) => !('to' in own) || own.to !== common.key)
  .map(([common, own]) => ({ ...common, ...own }))
