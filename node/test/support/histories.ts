import { type ChannelRecord, outcomes, strengths } from '@halfsecond/protocol'
import fc from 'fast-check'
import { anon, batch, start } from './records.ts'

/** What one producer has to say, in order; record i has number i + 1. */
export interface Story {
  readonly producer: string
  readonly records: readonly ChannelRecord[]
}

/** A batch that goes to the log: records `from` to `to` − 1 of a story. */
export interface Sending {
  readonly story: Story
  readonly from: number
  readonly to: number
}

export function bytesOf({ story, from, to }: Sending): Uint8Array {
  return batch(story.producer, from + 1, story.records.slice(from, to))
}

/** Every record of these histories happened before this. */
export const end = start + 100_000

const keys = [anon(0), anon(1), anon(2)]
const names = ['a', 'b', 'c']

/**
 * A record that follows from its number alone, so that two producers who send the same number say
 * the same. Times collide often, and jump.
 */
function recordNo(number: number): ChannelRecord {
  const pick = <T>(list: readonly [T, ...T[]], salt: number): T =>
    list[(number * 31 + salt * 17 + (number >> 3)) % list.length] ?? list[0]
  const common = {
    id: `r${number}`,
    key: pick([anon(0), anon(1), anon(2)], 1),
    at: start + (number % 2 === 0 ? (number >> 1) % 4 : (number * 7919) % 50) * 1_000,
    ...(number % 3 === 0 && { channel: 'web' }),
    ...(number % 5 === 0 && { source: 'crm' }),
  }
  const name = pick(['a', 'b', 'c'], 2)
  switch (number % 9) {
    case 0:
      return {
        ...common,
        kind: 'traits',
        set: { [name]: number },
        unset: [pick(['a', 'b', 'c'], 3)],
      }
    case 1:
      return { ...common, kind: 'consent', purpose: name, granted: number % 2 === 0 }
    case 2:
      return { ...common, kind: 'link', to: anon(`x-${name}`), strength: pick(strengths, 4) }
    case 3:
      return { ...common, kind: 'unlink', to: anon(`x-${name}`) }
    case 4:
      return {
        ...common,
        kind: 'outcome',
        decision: `d${number % 60}`,
        placement: 'hero',
        offer: name,
        treatment: 't',
        outcome: pick(outcomes, 5),
        // The same report of the same thing says the same time.
        key: anon(0),
        at: start + (number % 60) * 10,
        id: `o${number % 60}`,
      }
    case 5:
      return { ...common, kind: 'logout' }
    default:
      return { ...common, kind: 'event', name: pick(['page', 'buy'], 6), properties: { number } }
  }
}

const stories: fc.Arbitrary<readonly Story[]> = fc
  .array(fc.array(fc.nat(600), { minLength: 1, maxLength: 120 }), { minLength: 1, maxLength: 4 })
  .map((told) => told.map((numbers, i) => ({ producer: `p${i}`, records: numbers.map(recordNo) })))

/** Ways to send stories: batches of any size, resends with other borders, producers interleaved. */
function sendings(told: readonly Story[]): fc.Arbitrary<readonly Sending[]> {
  const steps = fc.array(
    fc.record({
      story: fc.nat(told.length - 1),
      size: fc.integer({ min: 1, max: 40 }),
      back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(30)),
    }),
    { minLength: 1, maxLength: 60 },
  )
  return steps.map((chosen) => {
    const sent = told.map(() => 0)
    const all: Sending[] = []
    const send = (index: number, size: number, back: number) => {
      const story = told[index]
      const done = sent[index] ?? 0
      if (story === undefined) return
      const from = Math.max(0, done - back)
      const to = Math.min(from + size, story.records.length)
      if (to <= from) return
      all.push({ story, from, to })
      sent[index] = Math.max(done, to)
    }
    for (const { story, size, back } of chosen) send(story, size, back)
    told.forEach((story, index) => {
      while ((sent[index] ?? 0) < story.records.length) send(index, 50, 0)
    })
    return all
  })
}

/** Stories, and two ways to send all of them. */
export const historySentTwice: fc.Arbitrary<{
  readonly stories: readonly Story[]
  readonly first: readonly Sending[]
  readonly second: readonly Sending[]
}> = stories.chain((told) =>
  fc.record({ stories: fc.constant(told), first: sendings(told), second: sendings(told) }),
)

export const keysOfHistories = keys
export const namesOfHistories = names
