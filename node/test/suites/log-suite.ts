import { bounds } from '@halfsecond/protocol'
import { describe, expect, test } from 'vitest'
import { fingerprintOf } from '../../src/core/shard/fold.ts'
import type { Cursor, Log, LogEntry } from '../../src/runtime/ports.ts'
import { RecordingFollower } from '../support/recording-follower.ts'
import { anon, batch, event, start } from '../support/records.ts'
import { freshFrom } from './fresh.ts'
import { testIf } from './test-if.ts'

/** A log that a test may also break. What an implementation cannot do is left out. */
export interface LogUnderTest {
  readonly log: Log
  /** Frees everything; `log` may be closed already. */
  close(): Promise<void>
  /** Closes `log` and opens it again over the same data. */
  reopen?(): Promise<Log>
  /** Leaves no room in the shard for one more batch. */
  fill?(shard: number): Promise<void>
  /** Deletes the shard's log and makes it anew, empty. */
  recreate?(shard: number): Promise<void>
}

export interface LogSuiteOptions {
  /** Which of the optional members `open` returns; the others' tests do not exist. */
  readonly can: readonly ('reopen' | 'fill' | 'recreate')[]
  /** Whether followers are told by time alone that they have everything. */
  readonly confirmsByItself: boolean
  /** Whether it knows the room of each shard. */
  readonly saysHowFull: boolean
}

const shards = 4

/** The behaviour of every `Log`. `open` gives a fresh, empty log of four shards. */
export function logSuite(
  name: string,
  open: (shards: number) => Promise<LogUnderTest>,
  options: LogSuiteOptions,
): void {
  const fresh = freshFrom(() => open(shards))

  describe(`${name} appends`, () => {
    test('and numbers the batches of each shard from 1', async () => {
      const { log } = await fresh()

      const sequences = [
        await log.append(0, batchNo(1), 'log'),
        await log.append(0, batchNo(2), 'log'),
        await log.append(3, batchNo(1), 'log'),
      ]

      expect(sequences).toEqual([1, 2, 1])
    })

    test('batches of one turn in the order of the calls', async () => {
      const { log } = await fresh()
      const follower = await following(log, 1)

      const sequences = await Promise.all(
        Array.from({ length: 100 }, (_, i) => log.append(1, batchNo(i), 'log')),
      )
      await follower.passed(100)

      expect(sequences).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
      expect(follower.entries.map(({ bytes }) => text(bytes))).toEqual(
        Array.from({ length: 100 }, (_, i) => text(batchNo(i))),
      )
    })

    test('a frame of the largest size, and refuses a larger one as TOO_LARGE', async () => {
      const { log } = await fresh()

      const sequence = await log.append(0, new Uint8Array(bounds.frameBytes).fill(1), 'log')
      const refused = log.append(0, new Uint8Array(bounds.frameBytes + 1), 'log')

      expect(sequence).toBe(1)
      await expect(refused).rejects.toMatchObject({ code: 'TOO_LARGE' })
      expect((await log.extent(0)).last).toBe(1)
    })

    testIf(options.can.includes('fill'))(
      'nothing where there is no room, says LOG_FULL and keeps what it has',
      async () => {
        const { log, fill } = await fresh()
        await log.append(0, batchNo(1), 'log')
        await fill?.(0)
        const { last } = await log.extent(0)

        const refused = log.append(0, batchNo(2), 'log')

        await expect(refused).rejects.toMatchObject({ code: 'LOG_FULL' })
        expect((await log.extent(0)).last).toBe(last)
        const follower = await following(log, 0)
        await follower.passed(1)
        expect(text(follower.entries[0]?.bytes ?? new Uint8Array(0))).toBe(text(batchNo(1)))
      },
    )
  })

  describe(`${name} says of itself`, () => {
    test('that an empty shard begins behind its last entry', async () => {
      const { log } = await fresh()

      const extent = await log.extent(2)

      expect(log.shards).toBe(shards)
      expect(extent.first).toBe(extent.last + 1)
      expect(extent.last).toBe(0)
    })

    test('its first and last sequence, and one incarnation all the time', async () => {
      const { log } = await fresh()
      const before = await log.extent(0)

      await log.append(0, batchNo(1), 'log')
      await log.append(0, batchNo(2), 'log')

      expect(await log.extent(0)).toEqual({ ...before, first: 1, last: 2 })
    })

    testIf(options.can.includes('reopen'))(
      'the same after it was opened again, and goes on counting',
      async () => {
        const one = await fresh()
        await one.log.append(0, batchNo(1), 'log')
        await one.log.append(0, batchNo(2), 'own')
        const before = await one.log.extent(0)

        const log = (await one.reopen?.()) ?? one.log
        const after = await log.extent(0)
        const sequence = await log.append(0, batchNo(3), 'log')
        const follower = await following(log, 0)
        await follower.passed(3)

        expect(after).toEqual(before)
        expect(sequence).toBe(3)
        expect(follower.entries.map(({ own, bytes }) => [own, text(bytes)])).toEqual([
          [false, text(batchNo(1))],
          [true, text(batchNo(2))],
          [false, text(batchNo(3))],
        ])
      },
    )
  })

  describe(`${name} is followed`, () => {
    test('from its start: what is there, then what comes, once each and in order', async () => {
      const { log } = await fresh()
      for (let i = 1; i <= 5; i++) await log.append(0, batchNo(i), 'log')

      const follower = await following(log, 0)
      await follower.passed(5)
      for (let i = 6; i <= 10; i++) await log.append(0, batchNo(i), 'log')
      await follower.passed(10)

      expect(follower.sequences).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      expect(follower.entries.map(({ bytes }) => text(bytes))).toEqual(
        follower.sequences.map((i) => text(batchNo(i))),
      )
    })

    test('through many entries while more are appended, without a gap or a repeat', async () => {
      const { log } = await fresh()
      const count = 1_000
      await appendMany(log, count / 2)

      const follower = await following(log, 0)
      await appendMany(log, count / 2)
      await follower.passed(count)

      expect(follower.sequences).toEqual(Array.from({ length: count }, (_, i) => i + 1))
    })

    test('from a cursor: only what comes after it', async () => {
      const { log } = await fresh()
      const cursor = await cursorAt(log, 0, 3)

      await log.append(0, batchNo(4), 'log')
      const follower = await following(log, 0, cursor)
      await follower.passed(1)

      expect(follower.sequences).toEqual([4])
      expect(follower.ended).toBeUndefined()
    })

    test('by two, who both get everything', async () => {
      const { log } = await fresh()
      const early = await following(log, 0)
      await log.append(0, batchNo(1), 'log')
      const late = await following(log, 0)
      await log.append(0, batchNo(2), 'log')

      await Promise.all([early.passed(2), late.passed(2)])

      expect(early.sequences).toEqual([1, 2])
      expect(late.sequences).toEqual([1, 2])
    })

    test('shard by shard', async () => {
      const { log } = await fresh()
      const follower = await following(log, 1)

      await log.append(0, batchNo(1), 'log')
      await log.append(2, batchNo(2), 'log')
      await log.append(1, batchNo(3), 'log')
      await follower.passed(1)

      expect(follower.entries.map(({ bytes }) => text(bytes))).toEqual([text(batchNo(3))])
    })

    test('and tells whose subject an entry came over, and when', async () => {
      const { log } = await fresh()
      const follower = await following(log, 0)

      await log.append(0, batchNo(1), 'log')
      await log.append(0, batchNo(2), 'own')
      await follower.passed(2)

      expect(follower.entries.map(({ own }) => own)).toEqual([false, true])
      const [first, second] = follower.entries
      expect(first?.timestamp).toBeGreaterThan(Date.UTC(2015))
      expect(Number.isInteger(first?.timestamp)).toBe(true)
      expect(second?.timestamp).toBeGreaterThanOrEqual(first?.timestamp ?? Number.NaN)
    })

    test('and tells an entry the same way each time', async () => {
      const { log } = await fresh()
      await log.append(0, batchNo(1), 'log')
      const once = await following(log, 0)
      await once.passed(1)

      const again = await following(log, 0)
      await again.passed(1)

      expect(again.entries).toEqual(once.entries)
    })

    test('and says that it was followed to its end, never before', async () => {
      const { log } = await fresh()
      for (let i = 1; i <= 3; i++) await log.append(0, batchNo(i), 'log')

      const follower = await following(log, 0)
      await follower.until(() => follower.confirmations.length > 0)

      expect(follower.confirmations[0]?.entries).toBe(3)
    })

    test('and says of an empty shard that there is nothing', async () => {
      const { log } = await fresh()

      const follower = await following(log, 3)
      await follower.until(() => follower.confirmations.length > 0)

      expect(follower.entries).toEqual([])
    })

    testIf(options.confirmsByItself)(
      'and says at least once a second that there is nothing more',
      async () => {
        const { log } = await fresh()
        const follower = await following(log, 0)

        await follower.until(() => follower.confirmations.length >= 8)

        const at = follower.confirmations.map((one) => one.at)
        const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0))
        // The timers of a busy machine are late, but not most of them.
        expect(gaps.toSorted((a, b) => a - b)[3]).toBeLessThan(1_000)
      },
    )

    test('until the follower throws; others go on', async () => {
      const { log } = await fresh()
      const throws = new RecordingFollower()
      const cursor = await begin(log, 0)
      let seen = 0
      throws.onEntry = () => {
        if (++seen === 2) throw new Error('cannot be folded')
      }
      log.follow(0, cursor, throws)
      const other = await following(log, 0)

      for (let i = 1; i <= 4; i++) await log.append(0, batchNo(i), 'log')
      await other.passed(4)
      await log.append(0, batchNo(5), 'log')
      await other.passed(5)

      expect(seen).toBe(2)
      expect(throws.sequences).toEqual([1])
    })

    test('until the tail is closed', async () => {
      const { log } = await fresh()
      const closed = new RecordingFollower()
      const tail = log.follow(0, await begin(log, 0), closed)
      const other = await following(log, 0)
      await log.append(0, batchNo(1), 'log')
      await closed.passed(1)

      await tail.close()
      await log.append(0, batchNo(2), 'log')
      await other.passed(2)

      expect(closed.sequences).toEqual([1])
    })

    test('until it is closed, by nobody afterwards', async () => {
      const { log } = await fresh()
      const follower = await following(log, 0)
      await log.append(0, batchNo(1), 'log')
      await follower.passed(1)

      await log.close()
      await log.append(0, batchNo(2), 'log').catch(() => {})
      const { length } = follower.confirmations
      await new Promise((resolve) => setImmediate(resolve))

      expect(follower.sequences).toEqual([1])
      expect(follower.confirmations.length).toBe(length)
    })
  })

  describe(`${name} is trimmed`, () => {
    test('below an entry, which stays: it is followed from right before it, not from earlier', async () => {
      const { log } = await fresh()
      const two = await cursorAt(log, 0, 2)
      const three = await cursorAt(log, 0, 1)
      await log.append(0, batchNo(4), 'log')

      await log.trim(0, 4)
      const gap = await following(log, 0, two)
      await gap.until(() => gap.ended !== undefined)
      const whole = await following(log, 0, three)
      await whole.passed(1)

      expect(gap.ended).toBe('TRIM_GAP')
      expect(gap.entries).toEqual([])
      expect(whole.sequences).toEqual([4])
      expect(await log.extent(0)).toMatchObject({ first: 4, last: 4 })
    })

    test('to its end, and goes on counting behind it', async () => {
      const { log } = await fresh()
      const cursor = await cursorAt(log, 0, 3)

      await log.trim(0, 4)
      const extent = await log.extent(0)
      const empty = await following(log, 0, cursor)
      await empty.until(() => empty.confirmations.length > 0)
      const sequence = await log.append(0, batchNo(4), 'log')
      await empty.passed(1)

      expect(extent).toMatchObject({ first: 4, last: 3 })
      expect(sequence).toBe(4)
      expect(empty.sequences).toEqual([4])
      expect(empty.ended).toBeUndefined()
    })

    test('never beyond its end, nor back', async () => {
      const { log } = await fresh()
      await cursorAt(log, 0, 3)

      await log.trim(0, 3)
      await log.trim(0, 2)
      const back = await log.extent(0)
      await log.trim(0, 100)
      const beyond = await log.extent(0)

      expect(back).toMatchObject({ first: 3, last: 3 })
      expect(beyond).toMatchObject({ first: 4, last: 3 })
      expect(await log.append(0, batchNo(4), 'log')).toBe(4)
    })

    test('through many entries, and under a follower that has them all', async () => {
      const { log } = await fresh()
      const count = 2_500
      const follower = await following(log, 0)
      await appendMany(log, count)
      await follower.passed(count)

      await log.trim(0, count - 10)
      await log.append(0, batchNo(count), 'log')
      await follower.passed(count + 1)
      const { incarnation, ...extent } = await log.extent(0)
      const late = await following(log, 0, { incarnation, applied: 0, fingerprint: '' })
      await late.until(() => late.ended !== undefined)

      expect(extent).toEqual({ first: count - 10, last: count + 1 })
      expect(follower.ended).toBeUndefined()
      expect(late.ended).toBe('TRIM_GAP')
    })

    test('shard by shard', async () => {
      const { log } = await fresh()
      for (const shard of [0, 1])
        for (let i = 1; i <= 3; i++) await log.append(shard, batchNo(i), 'log')

      await log.trim(1, 3)

      expect(await log.extent(0)).toMatchObject({ first: 1, last: 3 })
      expect(await log.extent(1)).toMatchObject({ first: 3, last: 3 })
    })

    testIf(options.can.includes('reopen'))('for ever, also to its end', async () => {
      const one = await fresh()
      for (const shard of [0, 1])
        for (let i = 1; i <= 3; i++) await one.log.append(shard, batchNo(i), 'log')
      await one.log.trim(0, 4)
      await one.log.trim(1, 2)

      const log = (await one.reopen?.()) ?? one.log
      const sequence = await log.append(0, batchNo(4), 'log')

      expect(sequence).toBe(4)
      expect(await log.extent(0)).toMatchObject({ first: 4, last: 4 })
      expect(await log.extent(1)).toMatchObject({ first: 2, last: 3 })
    })

    test('and out of the files, under a follower that has them all, while more is appended', async () => {
      const { log } = await fresh()
      const follower = await following(log, 0)
      for (let i = 1; i <= 20; i++) await log.append(i % 2, batchNo(i), 'log')
      await follower.passed(10)

      const firsts = new Map([
        [0, 11],
        [1, 9],
      ])
      const expunged = log.expunge(firsts)
      const meanwhile = log.append(0, batchNo(21), 'log')
      await expunged
      const later = await log.append(0, batchNo(22), 'log')
      await follower.passed(12)

      expect([await meanwhile, later]).toEqual([11, 12])
      expect(follower.sequences).toEqual(Array.from({ length: 12 }, (_, i) => i + 1))
      expect(await log.extent(0)).toMatchObject({ first: 11, last: 12 })
      expect(await log.extent(1)).toMatchObject({ first: 9, last: 10 })
    })

    testIf(options.saysHowFull)('and says how full it is', async () => {
      const { log } = await fresh()
      const empty = await log.usage(0)

      for (let i = 1; i <= 10; i++) await log.append(0, batchNo(i), 'log')
      const ten = await log.usage(0)
      await log.trim(0, 11)
      const trimmed = await log.usage(0)

      expect(empty.bytes).toBe(0)
      expect(ten.bytes).toBeGreaterThanOrEqual(10 * batchNo(1).length)
      expect(ten.bytesMax).toBeGreaterThan(ten.bytes)
      expect(trimmed).toEqual(empty)
    })
  })

  describe(`${name} is not followed`, () => {
    test('from a cursor of another incarnation', async () => {
      const { log } = await fresh()
      const cursor = await cursorAt(log, 0, 2)

      const follower = await following(log, 0, { ...cursor, incarnation: cursor.incarnation + 1 })
      await follower.until(() => follower.ended !== undefined)

      expect(follower.ended).toBe('RECREATED')
      expect(follower.entries).toEqual([])
    })

    test('from a cursor behind its end', async () => {
      const { log } = await fresh()
      const cursor = await cursorAt(log, 0, 2)

      const follower = await following(log, 0, { ...cursor, applied: 3 })
      await follower.until(() => follower.ended !== undefined)

      expect(follower.ended).toBe('AHEAD')
      expect(follower.entries).toEqual([])
    })

    test('from a cursor that applied another entry', async () => {
      const { log } = await fresh()
      const cursor = await cursorAt(log, 0, 2)
      await log.append(0, batchNo(3), 'log')

      const follower = await following(log, 0, { ...cursor, applied: 1 })
      await follower.until(() => follower.ended !== undefined)

      expect(follower.ended).toBe('DIVERGED')
      expect(follower.entries).toEqual([])
    })

    testIf(options.can.includes('recreate'))(
      'from a cursor of before it was created anew',
      async () => {
        const { log, recreate } = await fresh()
        const cursor = await cursorAt(log, 0, 2)
        await recreate?.(0)
        for (let i = 0; i < 3; i++) await log.append(0, batchNo(i), 'log')

        const follower = await following(log, 0, cursor)
        await follower.until(() => follower.ended !== undefined)

        expect(follower.ended).toBe('RECREATED')
        expect(follower.entries).toEqual([])
      },
    )
  })
}

function batchNo(i: number): Uint8Array {
  return batch('p', i + 1, [event(anon(1), `e${i}`, start + i, { i })])
}

/** A hundred at once: each is synced, and a busy disk would not confirm thousands in time. */
async function appendMany(log: Log, count: number): Promise<void> {
  for (let done = 0; done < count; done += 100)
    await Promise.all(
      Array.from({ length: Math.min(100, count - done) }, (_, i) =>
        log.append(0, batchNo(done + i), 'log'),
      ),
    )
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

async function begin(log: Log, shard: number): Promise<Cursor> {
  const { incarnation } = await log.extent(shard)
  return { incarnation, applied: 0, fingerprint: '' }
}

async function following(log: Log, shard: number, cursor?: Cursor): Promise<RecordingFollower> {
  const follower = new RecordingFollower()
  log.follow(shard, cursor ?? (await begin(log, shard)), follower)
  return follower
}

/** Appends `count` batches, and returns a cursor that has applied the last of them. */
async function cursorAt(log: Log, shard: number, count: number): Promise<Cursor> {
  for (let i = 1; i <= count; i++) await log.append(shard, batchNo(i), 'log')
  const { incarnation, last } = await log.extent(shard)
  const follower = await following(log, shard)
  await follower.passed(last)
  const applied: LogEntry | undefined = follower.entries[last - 1]
  if (applied === undefined) throw new Error('the follower has what was appended')
  return { incarnation, applied: last, fingerprint: fingerprintOf(applied) }
}
