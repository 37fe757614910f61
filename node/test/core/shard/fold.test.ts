import { bounds, encode } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { AssertionError } from '../../../src/core/assert.ts'
import { isEmpty } from '../../../src/core/fragment/fragment.ts'
import { foldVersion } from '../../../src/core/shard/shard-state.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { anon, batch, event, ownBatch, start, visitorsOf } from '../../support/records.ts'

const key = anon(1)
const hour = 60 * 60_000

/** The ids of the visitor's timeline. */
function ids(shard: BareShard, visitor = key): string[] {
  return shard.view(visitor)?.timeline.map(({ id }) => id) ?? []
}

test('the position moves by exactly one entry, whatever the entry holds', () => {
  const shard = new BareShard()
  const entries = [
    batch('p', 1, [event(key, 'a', start)]),
    batch('p', 1, [event(key, 'a', start)]),
    new Uint8Array(0),
    new Uint8Array([0xc1, 0xff]),
    encode({ v: 1, producer: 'p', n: 2, records: [] }),
    batch('p', 2, [{ kind: 'nonsense' }]),
  ]

  const positions = entries.map((bytes) => {
    shard.take(bytes, start)
    return shard.state.applied
  })

  expect(positions).toEqual([1, 2, 3, 4, 5, 6])
})

test('an entry that does not follow the last one stops the fold', () => {
  const shard = new BareShard()
  const bytes = batch('p', 1, [event(key, 'a', start)])

  for (const sequence of [0, 2, 7]) {
    const entry = { sequence, timestamp: start, own: false, bytes }
    expect(() => shard.fold(entry)).toThrow(AssertionError)
  }
  expect(shard.state.applied).toBe(0)
})

test('a record whose number was seen changes nothing, whatever it says', () => {
  const shard = new BareShard()
  shard.take(batch('p', 1, [event(key, 'a', start), event(key, 'b', start)]), start)

  const folded = shard.take(
    batch('p', 2, [event(key, 'other', start), event(key, 'c', start)]),
    start,
  )

  expect(folded).toEqual({ applied: 1, skipped: 1, rejected: 0 })
  expect(ids(shard)).toEqual(['a', 'b', 'c'])
})

test('an event id that was seen changes nothing, whoever sends it', () => {
  const shard = new BareShard()
  shard.take(batch('p', 1, [event(key, 'a', start, { by: 'p' })]), start)

  const folded = shard.take(batch('q', 1, [event(key, 'a', start, { by: 'q' })]), start)

  expect(folded).toEqual({ applied: 0, skipped: 1, rejected: 0 })
  expect(shard.view(key)?.timeline).toMatchObject([{ id: 'a', properties: { by: 'p' } }])
})

test('the same event id of another identifier is another event', () => {
  const shard = new BareShard()

  shard.take(batch('p', 1, [event(key, 'a', start), event(anon(2), 'a', start)]), start)

  expect([ids(shard), ids(shard, anon(2))]).toEqual([['a'], ['a']])
})

test('an outcome that was reported changes nothing, under any id, offer by offer', () => {
  const shard = new BareShard()
  const display = {
    kind: 'outcome',
    id: 'o1',
    key,
    at: start,
    decision: 'd1',
    placement: 'hero',
    offer: 'card',
    treatment: 't',
    outcome: 'display',
  } as const

  shard.take(batch('p', 1, [display]), start)
  shard.take(
    batch('p', 2, [
      { ...display, id: 'o2', at: start + 1 },
      { ...display, id: 'o3', outcome: 'click' },
      { ...display, id: 'o4', offer: 'loan' },
      { ...display, id: 'o5', placement: 'side' },
      { ...display, id: 'o6', decision: 'd2' },
    ]),
    start,
  )

  expect(ids(shard).sort()).toEqual(['o1', 'o3', 'o4', 'o5', 'o6'])
})

test('numbers may have gaps: a record that carries a greater number is counted from', () => {
  const shard = new BareShard()
  const at = start
  shard.take(
    batch('p', 1, [event(key, 'a', at), { ...event(key, 'b', at), n: 10 }, event(key, 'c', at)]),
    at,
  )

  const resent = shard.take(batch('p', 10, [event(key, 'x', at), event(key, 'y', at)]), at)
  const next = shard.take(batch('p', 12, [event(key, 'd', at)]), at)

  expect(resent).toEqual({ applied: 0, skipped: 2, rejected: 0 })
  expect(next.applied).toBe(1)
  expect(ids(shard)).toEqual(['a', 'b', 'c', 'd'])
})

test('a producer that was idle for more than 48 hours of ticks begins anew; an import does not', () => {
  const shard = new BareShard()
  const tick = (at: number) =>
    shard.take(ownBatch(1, 1, { kind: 'tick', epoch: 1, wall: at }), at, true)
  tick(start)
  shard.take(batch('p', 1, [event(key, 'a', start)]), start)
  shard.take(batch('import:f', 1, [event(key, 'i', start)]), start)

  // One jump is held until a second tick confirms it.
  tick(start + 49 * hour)
  tick(start + 49 * hour)
  const producer = shard.take(batch('p', 1, [event(key, 'b', start)]), start)
  const imported = shard.take(batch('import:f', 1, [event(key, 'j', start)]), start)

  expect(producer.applied).toBe(1)
  expect(imported.skipped).toBe(1)
  expect(ids(shard)).toEqual(['a', 'b', 'i'])
  expect(shard.changedProducers).toContain('p')
})

test('no record counts as later than the log took it; its own time is kept', () => {
  const shard = new BareShard()

  shard.take(
    batch('p', 1, [event(key, 'late', start - 5_000), event(key, 'early', start + 99_000)]),
    start,
  )

  expect(shard.view(key)?.timeline).toMatchObject([
    { id: 'late', at: new Date(start - 5_000).toISOString() },
    {
      id: 'early',
      at: new Date(start).toISOString(),
      sentAt: new Date(start + 99_000).toISOString(),
    },
  ])
})

test('fields that this version does not know survive in the timeline', () => {
  const shard = new BareShard()

  shard.take(batch('p', 1, [{ ...event(key, 'a', start), tomorrow: [1, 2] }]), start)
  const [entry] = shard.fragments.get(key)?.open.entries(shard.arena) ?? []

  expect(entry?.record).toMatchObject({ tomorrow: [1, 2] })
})

const good = event(key, 'x', start)
const bad: readonly [what: string, record: { readonly [field: string]: unknown }, why: string][] = [
  ['an unknown kind', { ...good, kind: 'nonsense' }, 'no such kind'],
  ['no id', { ...good, id: undefined }, 'id is missing'],
  ['an id with a space', { ...good, id: 'a b' }, 'ASCII'],
  ['a key without a namespace', { ...good, key: '1' }, 'namespace:value'],
  ['an unknown namespace', { ...good, key: 'cookie:1' }, 'not configured'],
  ['a placeholder as key', { ...good, key: 'anon:null' }, 'placeholder'],
  ['a time that is no number', { ...good, at: '2015' }, 'at is a time'],
  ['a fraction of a millisecond', { ...good, at: start + 0.5 }, 'at is a time'],
  ['a time before 1970', { ...good, at: -1 }, 'at is a time'],
  ['a far future', { ...good, at: Number.MAX_SAFE_INTEGER }, 'at is a time'],
  ['not a number', { ...good, at: Number.NaN }, 'at is a time'],
  ['an event named like an outcome', { ...good, name: 'accept' }, 'reserved'],
  ['an event named like an internal kind', { ...good, name: 'tick' }, 'reserved'],
  ['no properties', { ...good, properties: undefined }, 'properties'],
  ['an endless property', { ...good, properties: { x: Number.POSITIVE_INFINITY } }, 'properties'],
  [
    'a link to itself',
    { kind: 'link', id: 'x', key, at: start, to: key, strength: 'observed' },
    'itself',
  ],
  [
    'a link of unknown strength',
    { kind: 'link', id: 'x', key, at: start, to: anon(2), strength: 'strong' },
    'strength',
  ],
  [
    'a trait set to null',
    { kind: 'traits', id: 'x', key, at: start, set: { a: null }, unset: [] },
    'unset',
  ],
  [
    'a consent that is no yes or no',
    { kind: 'consent', id: 'x', key, at: start, purpose: 'ads', granted: 1 },
    'granted',
  ],
  [
    'an outcome of no known sort',
    {
      ...good,
      kind: 'outcome',
      decision: 'd',
      placement: 'p',
      offer: 'o',
      treatment: 't',
      outcome: 'seen',
    },
    'outcome is one of',
  ],
  ['a record of an internal kind', { kind: 'tick', epoch: 1, wall: start }, 'INVALID'],
  ['a claim to lead', { ...good, kind: 'primary', epoch: 99, node: 'me' }, 'no such kind'],
  [
    'another playbook',
    { ...good, kind: 'playbook', epoch: 99, version: 9, hash: 'h' },
    'no such kind',
  ],
]

test.each(bad)('%s goes to the dead letters, whole, and harms nobody', (_, record, why) => {
  const shard = new BareShard()
  const given = JSON.parse(JSON.stringify(record, nonFinite), revived)

  const folded = shard.take(
    batch('p', 1, [event(key, 'a', start), given, event(key, 'b', start)]),
    start,
  )

  expect(folded).toEqual({ applied: 2, skipped: 0, rejected: 1 })
  expect(ids(shard)).toEqual(['a', 'b'])
  expect(shard.letters).toEqual([
    { sequence: 1, index: 1, reason: expect.stringContaining(why), bytes: plain(encode(given)) },
  ])
  expect(shard.state).toMatchObject({ applied: 1, epoch: 0, playbook: { version: 0 } })
})

test('traits that set and unset nothing change nothing, and are nothing', () => {
  const shard = new BareShard()

  const folded = shard.take(
    batch('p', 1, [{ kind: 'traits', id: 't', key, at: start, set: {}, unset: [] }]),
    start,
  )

  expect(folded).toEqual({ applied: 0, skipped: 1, rejected: 0 })
  expect(isEmpty(shard.activate(key))).toBe(true)
})

test('a record of another shard, and one that is too large, go to the dead letters', () => {
  const shard = new BareShard(0, 4)
  const [here = key] = visitorsOf(0, 4, 1)
  const [elsewhere = key] = visitorsOf(1, 4, 1)
  const long = Object.fromEntries(
    Array.from({ length: 5 }, (_, i) => [`p${i}`, 'x'.repeat(bounds.stringBytes)]),
  )

  shard.take(
    batch('p', 1, [
      event(elsewhere, 'a', start),
      event(here, 'b', start, long),
      event(here, 'c', start),
    ]),
    start,
  )

  expect(shard.letters.map(({ index, reason }) => [index, reason])).toEqual([
    [0, 'INVALID: its key lives on another shard'],
    [1, expect.stringMatching(/^TOO_LARGE: /)],
  ])
  expect(ids(shard, here)).toEqual(['c'])
})

test('an entry that is no batch goes to the dead letters as a whole', () => {
  const shard = new BareShard()
  const entries = [
    new Uint8Array(0),
    new Uint8Array([0xd4, 0x01, 0x02]),
    encode('text'),
    encode({ v: 9, producer: 'p', n: 1, records: [good] }),
    encode({ v: 1, producer: 'p q', n: 1, records: [good] }),
    encode({ v: 1, producer: 'p', n: 0, records: [good] }),
    encode({ v: 1, producer: 'p', n: 1, records: 'none' }),
  ]

  const folded = entries.map((bytes) => shard.take(bytes, start))

  expect(folded.map(({ rejected }) => rejected)).toEqual(entries.map(() => 1))
  expect(shard.letters.map(({ sequence, index, bytes }) => [sequence, index, bytes])).toEqual(
    entries.map((bytes, i) => [i + 1, -1, plain(bytes)]),
  )
  expect(shard.fragments.size).toBe(0)
})

test('a rejected record uses up its number: a resend does not repeat the dead letter', () => {
  const shard = new BareShard()
  const bytes = batch('p', 1, [{ kind: 'nonsense' }, event(key, 'a', start)])

  shard.take(bytes, start)
  shard.take(bytes, start)

  expect(shard.letters.length).toBe(1)
  expect(ids(shard)).toEqual(['a'])
})

test('the bytes of a dead letter do not change with the buffer they came in', () => {
  const shard = new BareShard()
  // A view of Node's own kind, whose `slice` does not copy.
  const bytes = Buffer.from(batch('p', 1, [{ kind: 'nonsense' }]))
  const garbage = Buffer.from([0xc1, 1, 2])

  shard.take(bytes, start)
  shard.take(garbage, start)
  bytes.fill(0)
  garbage.fill(0)

  expect(shard.letters.map((letter) => plain(letter.bytes))).toEqual([
    plain(encode({ kind: 'nonsense' })),
    new Uint8Array([0xc1, 1, 2]),
  ])
})

test('own records of the newest epoch lead, tick and choose the playbook', () => {
  const shard = new BareShard()

  shard.take(ownBatch(3, 1, { kind: 'primary', epoch: 3, node: 'a' }), start, true)
  shard.take(ownBatch(3, 2, { kind: 'tick', epoch: 3, wall: start }), start, true)
  shard.take(ownBatch(3, 3, { kind: 'playbook', epoch: 3, version: 2, hash: 'h2' }), start, true)

  expect(shard.state).toMatchObject({ epoch: 3, playbook: { version: 2, hash: 'h2' } })
  expect(shard.state.time.now).toBe(start)
})

test('own records of an older epoch change nothing', () => {
  const shard = new BareShard()
  shard.take(ownBatch(3, 1, { kind: 'primary', epoch: 3, node: 'a' }), start, true)

  shard.take(ownBatch(2, 1, { kind: 'primary', epoch: 2, node: 'b' }), start, true)
  shard.take(ownBatch(2, 2, { kind: 'tick', epoch: 2, wall: start }), start, true)
  shard.take(ownBatch(2, 3, { kind: 'playbook', epoch: 2, version: 9, hash: 'h9' }), start, true)

  expect(shard.state).toMatchObject({ applied: 4, epoch: 3, playbook: { version: 0 } })
  expect(shard.state.time.now).toBe(0)
})

test('the playbook with the greatest version decides, in whatever order they come', () => {
  const shard = new BareShard()

  for (const version of [2, 1, 2])
    shard.take(
      ownBatch(1, 1, { kind: 'playbook', epoch: 1, version, hash: `h${version}` }),
      start,
      true,
    )

  expect(shard.state.playbook).toEqual({ version: 2, hash: 'h2' })
})

test('garbage, an unknown kind or a record of a channel from the own subject stops the fold', () => {
  const garbage = [
    new Uint8Array([0xc1]),
    batch('primary:1', 1, [{ kind: 'barrier', epoch: 1, foldVersion: foldVersion + 1 }]),
    batch('primary:1', 1, [{ ...good, epoch: 1 }]),
  ]

  for (const bytes of garbage) {
    const shard = new BareShard()
    expect(() => shard.take(bytes, start, true)).toThrow(AssertionError)
    expect(shard.letters).toEqual([])
    expect(shard.state.applied).toBe(0)
  }
})

/** The bytes themselves, of whatever kind of array. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** JSON for the table above: undefined members vanish, numbers that are none survive. */
function nonFinite(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? `number ${value}` : value
}

function revived(_: string, value: unknown): unknown {
  return typeof value === 'string' && value.startsWith('number ') ? Number(value.slice(7)) : value
}

test('an erase takes every fact from before it, and what comes late', () => {
  const shard = new BareShard()
  shard.take(batch('p', 1, [event(key, 'a', start)]), start)
  const erase = { kind: 'erase', id: 'x', key, at: start + 1, eraseId: 'e' }

  shard.take(batch('p', 2, [erase]), start + 5)
  const late = shard.take(batch('p', 3, [event(key, 'b', start + 4)]), start + 9)
  shard.take(batch('p', 4, [event(key, 'c', start + 6)]), start + 9)

  expect(late).toEqual({ applied: 0, skipped: 1, rejected: 0 })
  expect(ids(shard)).toEqual(['c'])
  expect(shard.state.digest.toString()).toBe(shard.digestFromScratch())
})
