import { decode, encode, isFields } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { DonorOverWire, fill } from '../../support/copying.ts'

async function donorOf(sizes: readonly number[]): Promise<DonorOverWire> {
  const store = new MemoryStore()
  await fill(store.shard(0), sizes, 42)
  return new DonorOverWire(store)
}

const few = [100, 100]
const threeChunks = Array.from({ length: 60 }, () => 10_000)

function ask({ donor }: DonorOverWire, request: unknown): { readonly [name: string]: unknown } {
  const limits = { frameBytes: 1024 ** 2, depth: 2, elementsPerItem: 100 }
  const value = decode(donor.answer(encode(request)), limits)
  if (!isFields(value)) throw new Error('an answer is a map')
  return value
}

function begin(donor: DonorOverWire): string {
  return String(ask(donor, { op: 'snapshot', shard: 0 }).id)
}

function rows(donor: DonorOverWire, id: string, chunk = 0, from = 0) {
  return ask(donor, { op: 'snapshot.rows', id, chunk, from })
}

test('a donor names the position of its copy and the rules that it was folded by', async () => {
  const donor = await donorOf(few)

  const manifest = ask(donor, { op: 'snapshot', shard: 0 })

  expect(manifest).toMatchObject({ applied: 42, foldVersion: 1 })
})

test('a donor gives no copy of a shard that does not follow its log', async () => {
  const donor = await donorOf(few)

  const answers = (['recovering', 'discontinued', 'parked', 'diverged', undefined] as const).map(
    (status) => {
      donor.status = status
      return ask(donor, { op: 'snapshot', shard: 0 }).error
    },
  )

  expect(answers).toEqual(Array.from({ length: 5 }, () => 'UNAVAILABLE'))
})

test('a donor ends its copy when the shard stops, and gives no more of it afterwards', async () => {
  const donor = await donorOf(few)
  const id = begin(donor)
  donor.status = 'diverged'

  const stopped = rows(donor, id)
  donor.status = 'following'
  const again = rows(donor, id)

  expect([stopped.error, again.error]).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
})

test('a donor gives no copy of what is not on its disk', () => {
  const donor = new DonorOverWire(new MemoryStore())

  const refused = ask(donor, { op: 'snapshot', shard: 0 })

  expect(refused).toEqual({
    error: 'UNAVAILABLE',
    message: "nothing of shard 0 is on this node's disk yet",
  })
})

test('a donor gives two copies at a time, and another one when one has ended', async () => {
  const donor = await donorOf(few)
  const first = begin(donor)
  begin(donor)

  const third = ask(donor, { op: 'snapshot', shard: 0 })
  const ended = ask(donor, { op: 'snapshot.end', id: first })
  const fourth = ask(donor, { op: 'snapshot', shard: 0 })

  expect(third.error).toBe('OVERLOADED')
  expect(ended).toEqual({ ended: true })
  expect(fourth.applied).toBe(42)
  expect(rows(donor, first).error).toBe('UNAVAILABLE')
})

test('a donor drops a copy that nobody fetches for half a minute, not one that is fetched', async () => {
  const donor = await donorOf(few)
  const [fetched, left] = [begin(donor), begin(donor)]

  donor.clock.advance(20_000)
  rows(donor, fetched)
  donor.clock.advance(20_000)

  expect(rows(donor, fetched).isLast).toBe(false)
  expect(rows(donor, left).error).toBe('UNAVAILABLE')
  expect(ask(donor, { op: 'snapshot', shard: 0 }).applied).toBe(42)
})

test('a donor gives a copy up that takes longer than ten minutes', async () => {
  const donor = await donorOf(few)
  const id = begin(donor)

  const errors = Array.from({ length: 31 }, () => {
    donor.clock.advance(20_000)
    return rows(donor, id).error
  })

  expect(errors.slice(0, 29)).toEqual(Array.from({ length: 29 }, () => undefined))
  expect(errors.at(-1)).toBe('UNAVAILABLE')
})

test('a donor gives the same chunk again, the next one, and no other', async () => {
  const donor = await donorOf(threeChunks)
  const id = begin(donor)

  const first = rows(donor, id, 0)
  const again = rows(donor, id, 0)
  const beyond = rows(donor, id, 2)
  const second = rows(donor, id, 1)
  const back = rows(donor, id, 0)

  expect(again).toEqual(first)
  expect(second.hash).not.toBe(first.hash)
  expect([beyond.error, back.error]).toEqual(['INVALID', 'INVALID'])
})

test('a donor gives nothing after the last chunk, which is the meta row', async () => {
  const donor = await donorOf(few)
  const id = begin(donor)

  const chunks = [0, 1, 2].map((chunk) => rows(donor, id, chunk))

  expect(chunks.map(({ isLast }) => isLast)).toEqual([false, true, undefined])
  expect(chunks.map((chunk) => chunk.rows)).toEqual([2, 3, undefined])
  expect(chunks[2]?.error).toBe('INVALID')
})

test('a donor that is closed gives no more of its copies', async () => {
  const donor = await donorOf(few)
  const id = begin(donor)

  donor.donor.close()

  expect(rows(donor, id).error).toBe('UNAVAILABLE')
})

test.each([
  ['another request', { op: 'drain' }, 'INVALID'],
  ['no map', [1, 2], 'INVALID'],
  ['a shard that is no number', { op: 'snapshot', shard: '0' }, 'INVALID'],
  ['a negative chunk', { op: 'snapshot.rows', id: 'x', chunk: -1, from: 0 }, 'INVALID'],
  ['a copy that it never gave', { op: 'snapshot.rows', id: 'x', chunk: 0, from: 0 }, 'UNAVAILABLE'],
])('a donor answers %s with an error', async (_, request, code) => {
  const donor = await donorOf(few)

  const { error } = ask(donor, request)

  expect(error).toBe(code)
})

test('a donor answers bytes that are no message with an error', async () => {
  const { donor } = await donorOf(few)

  const answer = decode(donor.answer(new Uint8Array([0xc1])))

  expect(answer).toMatchObject({ error: 'MALFORMED' })
})
