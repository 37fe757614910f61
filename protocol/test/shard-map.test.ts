import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, encode } from '../src/codec.ts'
import { builtInNamespaces } from '../src/identifier.ts'
import { isShardCount, namespacesOf, parseShardMap } from '../src/shard-map.ts'
import { thrownBy } from './arbitraries.ts'

const shard = { incarnation: 77, primary: 'n1', standbys: ['n2'] }
const loyalty = { name: 'loyalty', class: 'account', rank: 405, normalise: 'text' }
const map = { epoch: 3, nodes: ['n1', 'n2'], namespaces: [loyalty], shards: Array(16).fill(shard) }

describe('the shard map', () => {
  it('survives the wire, with the fields that this version does not know', () => {
    const later = { ...map, zones: { n1: 'a' } }
    expect(parseShardMap(decode(encode(later)))).toStrictEqual(later)
  })

  it('of 256 shards fits a frame', () => {
    expect(
      parseShardMap(decode(encode({ ...map, shards: Array(256).fill(shard) }))).shards,
    ).toHaveLength(256)
  })

  it('adds its namespaces to the built-in ones', () => {
    const namespaces = namespacesOf(parseShardMap(map))
    expect([...namespaces.keys()]).toStrictEqual([...builtInNamespaces.keys(), 'loyalty'])
    expect(namespacesOf(parseShardMap({ ...map, namespaces: [] }))).toBe(builtInNamespaces)
  })

  it.each<[string, unknown]>([
    ['text', 'map'],
    ['no epoch', { ...map, epoch: undefined }],
    ['no nodes', { ...map, nodes: undefined }],
    ['a node id that is no token', { ...map, nodes: ['n.1'] }],
    ['no namespaces', { ...map, namespaces: undefined }],
    ['a namespace with a colon', { ...map, namespaces: [{ ...loyalty, name: 'a:b' }] }],
    ['a namespace of no class', { ...map, namespaces: [{ ...loyalty, class: 'pet' }] }],
    ['a namespace of no rank', { ...map, namespaces: [{ ...loyalty, rank: Number.NaN }] }],
    ['a namespace of an unknown form', { ...map, namespaces: [{ ...loyalty, normalise: 'hash' }] }],
    ['no shards', { ...map, shards: [] }],
    ['three shards', { ...map, shards: Array(3).fill(shard) }],
    ['512 shards', { ...map, shards: Array(512).fill(shard) }],
    ['a shard without primary', { ...map, shards: [{ ...shard, primary: undefined }] }],
    ['a shard without incarnation', { ...map, shards: [{ ...shard, incarnation: undefined }] }],
    ['a consent of an unknown mode', { ...map, consent: 'maybe' }],
    ['a standby that is no token', { ...map, shards: [{ ...shard, standbys: ['>'] }] }],
  ])('is none with %s', (_, value) => {
    expect(thrownBy(() => parseShardMap(value))).toMatchObject({ code: 'MALFORMED' })
  })

  it('has a power of two of shards, at most 256', () => {
    const powers = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 600 }), (count) => {
        expect(isShardCount(count)).toBe(powers.includes(count))
      }),
      { numRuns: 500 },
    )
  })
})
