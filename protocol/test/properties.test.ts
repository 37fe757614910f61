import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bounds } from '../src/bounds.ts'
import { isFields, isProperties, propertiesFault } from '../src/properties.ts'
import { properties } from './arbitraries.ts'

const manyOf = (count: number, value: unknown) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value]))

describe('properties', () => {
  it('hold plain data', () => {
    fc.assert(
      fc.property(properties, (one) => {
        expect(propertiesFault('properties', one)).toBeUndefined()
      }),
    )
  })

  it.each<[string, unknown]>([
    ['four levels', { a: { b: { c: { d: 1 } } } }],
    ['lists within lists', { a: [[[1]]] }],
    ['a map without prototype', Object.assign(Object.create(null), { a: 1 })],
    ['names that objects have', { toString: 1, hasOwnProperty: 2, valueOf: 3 }],
    ['as many names as the bound', manyOf(bounds.keysPerMap, 0)],
    ['a list of the bound', { a: Array(bounds.listElements).fill(0) }],
    ['text of the bound', { a: 'é'.repeat(bounds.stringBytes / 2) }],
    ['as many values as the bound', manyOf(bounds.valuesPerRecord / 16, Array(14).fill(0))],
    ['line ends in text', { a: 'one\ntwo\u0000' }],
  ])('may hold %s', (_, value) => {
    expect(isProperties(value)).toBe(true)
  })

  it.each<[string, unknown]>([
    ['undefined', { a: undefined }],
    ['NaN', { a: Number.NaN }],
    ['infinity', { a: Number.POSITIVE_INFINITY }],
    ['a big integer', { a: 1n }],
    ['a function', { a: () => 1 }],
    ['a symbol', { a: Symbol('a') }],
    ['a date', { a: new Date(0) }],
    ['bytes', { a: new Uint8Array(1) }],
    ['a Map', { a: new Map() }],
    ['a hole in a list', { a: Array(1) }],
    ['five levels', { a: { b: { c: { d: {} } } } }],
    ['lists five levels deep', { a: [[[[1]]]] }],
    ['an empty name', { '': 1 }],
    ['a name too long', { ['é'.repeat(33)]: 1 }],
    ['a name with a control character', { 'a\tb': 1 }],
    ['a name with a lone surrogate', { 'a\ud800': 1 }],
    ['text with a lone surrogate', { a: '\udc00' }],
    ['text behind a byte-order mark', { a: '\ufeffa' }],
    ['text too long', { a: 'é'.repeat(bounds.stringBytes / 2 + 1) }],
    ['constructor', { constructor: 1 }],
    ['prototype, deep', { a: { prototype: 1 } }],
    ['__proto__', JSON.parse('{"__proto__": 1}')],
    ['__proto__, deep', JSON.parse('{"a": [{"__proto__": {"b": 1}}]}')],
    ['one name too many', manyOf(bounds.keysPerMap + 1, 0)],
    ['one name too many, deep', { a: manyOf(bounds.keysPerMap + 1, 0) }],
    ['a list too long', { a: Array(bounds.listElements + 1).fill(0) }],
    ['one value too many', { ...manyOf(bounds.valuesPerRecord / 16, Array(14).fill(0)), z: 0 }],
  ])('may not hold %s', (_, value) => {
    expect(isProperties(value)).toBe(false)
  })

  it('have a fault that says where, without raw control characters', () => {
    expect(propertiesFault('set', { age: Number.NaN })).toBe('set.age: a number must be finite')
    expect(propertiesFault('set', { '\u001b[2J': 1 })).not.toMatch(/\p{Cc}/u)
    expect(propertiesFault('set', undefined)).toBe('set is a map')
  })
})

describe('a plain map', () => {
  it('has no class', () => {
    expect([{}, Object.create(null), JSON.parse('{}')].map(isFields)).toStrictEqual([
      true,
      true,
      true,
    ])
    for (const other of [
      [],
      new Map(),
      new Date(),
      /a/,
      null,
      undefined,
      'a',
      1,
      Object.create({}),
    ]) {
      expect(isFields(other)).toBe(false)
    }
  })
})
