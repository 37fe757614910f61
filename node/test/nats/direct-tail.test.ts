import { subjects } from '@halfsecond/protocol'
import { describe, expect, test, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { fingerprintOf } from '../../src/core/shard/fold.ts'
import { storedEntry } from '../../src/nats/direct-gets.ts'
import { DirectTail } from '../../src/nats/direct-tail.ts'
import { JetStreamLog } from '../../src/nats/jetstream-log.ts'
import { provisionStreams } from '../../src/nats/provision-streams.ts'
import type { Cursor, LogEntry } from '../../src/runtime/ports.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { Told, useServer } from './server.ts'

const shards = 8

/** What comes at once on an idle machine may take long on a busy one. */
const waiting = { timeout: 20_000, interval: 10 }

describe('a direct tail of a real stream', needs(realNatsServer), () => {
  const uses = useServer()

  let opened = 0

  /** A stream of so many entries, and a direct tail behind one of them that takes what it gets. */
  async function openAt(applied: number, entries: number) {
    const shard = opened++
    const stream = subjects.stream(shard)
    const told = new Told()
    const nats = await uses.connect(told)
    await provisionStreams(nats, { shards, replicas: 1, storageBytes: 2 ** 30 })
    const log = new JetStreamLog(nats, nats, shards, systemClock, told.observer, Math.random)
    for (let i = 1; i <= entries; i++) await log.append(shard, Buffer.from(`entry ${i}`), 'log')
    const { incarnation } = await log.extent(shard)
    const at = await storedEntry(nats, stream, applied)
    const cursor = { incarnation, applied, fingerprint: at ? fingerprintOf(at) : '' }
    const tail = new Taking(cursor)
    const direct = new DirectTail(stream, tail, { nats, clock: systemClock, random: Math.random })
    const close = async () => {
      direct.stop()
      await log.close()
      await nats.close()
    }
    return { shard, nats, log, tail, direct, close }
  }

  test('passes on what follows, then what comes, through many batches', async () => {
    const { shard, log, tail, direct, close } = await openAt(3, 600)

    direct.start()
    await vi.waitUntil(() => tail.sequences.length === 597, waiting)
    await log.append(shard, Buffer.from('own'), 'own')
    await vi.waitUntil(() => tail.sequences.length === 598, waiting)

    expect(tail.sequences).toEqual(Array.from({ length: 598 }, (_, i) => i + 4))
    expect(text(tail.taken[0])).toBe('entry 4')
    expect(tail.taken.slice(-2).map(({ own }) => own)).toEqual([false, true])
    await close()
  })

  test('says that this is all once it has passed what the leader has, and not before', async () => {
    const { tail, direct, close } = await openAt(1, 20)

    direct.start()
    await vi.waitUntil(() => tail.confirmedAt.length > 0, waiting)

    expect(new Set(tail.confirmedAt)).toEqual(new Set([20]))
    await close()
  })

  test('goes on saying so several times a second while nothing comes', async () => {
    const { tail, direct, close } = await openAt(1, 1)

    direct.start()
    await vi.waitUntil(() => tail.confirmations.length >= 12, waiting)

    // A busy machine is late now and then, not always.
    const at = tail.confirmations
    const threeMs = at.slice(3).map((time, i) => time - (at[i] ?? 0))
    expect(Math.min(...threeMs)).toBeLessThan(1_500)
    await close()
  })

  test('passes on nothing behind an entry that is another one', async () => {
    const { tail, direct, close } = await openAt(2, 5)
    tail.at = { ...tail.at, fingerprint: 'of another entry' }

    direct.start()
    await tail.rounds(4)

    expect(tail.taken).toEqual([])
    await close()
  })

  test('passes on nothing behind an entry that was trimmed', async () => {
    const { shard, log, tail, direct, close } = await openAt(2, 5)
    await log.trim(shard, 4)

    direct.start()
    await tail.rounds(4)

    expect(tail.taken).toEqual([])
    await close()
  })

  test('says nothing of a stream that was made anew', async () => {
    const { shard, nats, log, tail, direct, close } = await openAt(2, 2)
    await uses.removeStreams(nats, [subjects.stream(shard)])
    await provisionStreams(nats, { shards, replicas: 1, storageBytes: 2 ** 30 })
    for (let i = 1; i <= 4; i++) await log.append(shard, Buffer.from(`entry ${i}`), 'log')

    direct.start()
    await tail.rounds(4)

    expect(tail.taken).toEqual([])
    expect(tail.confirmedAt).toEqual([])
    await close()
  })

  test('passes on nothing once it is stopped, and goes on when it is started again', async () => {
    const { shard, log, tail, direct, close } = await openAt(1, 3)
    direct.start()
    await vi.waitUntil(() => tail.taken.length === 2, waiting)

    direct.stop()
    await log.append(shard, Buffer.from('entry 4'), 'log')
    const confirmations = tail.confirmedAt.length
    await new Promise((resolve) => setTimeout(resolve, 300))
    const whileStopped = [...tail.sequences]
    const confirmed = tail.confirmedAt.length - confirmations
    direct.start()
    await vi.waitUntil(() => tail.taken.length === 3, waiting)

    expect(whileStopped).toEqual([2, 3])
    expect(confirmed).toBe(0)
    expect(tail.sequences).toEqual([2, 3, 4])
    await close()
  })
})

/** Takes what it is given, and moves its cursor by it. */
class Taking {
  at: Cursor
  readonly taken: LogEntry[] = []
  /** Where the cursor was when it was said that this is all. */
  readonly confirmedAt: number[] = []
  /** When that was. */
  readonly confirmations: number[] = []
  private asked = 0

  constructor(at: Cursor) {
    this.at = at
  }

  get sequences(): number[] {
    return this.taken.map(({ sequence }) => sequence)
  }

  cursor(): Cursor {
    this.asked++
    return this.at
  }

  take(entries: readonly LogEntry[]): Promise<void> {
    for (const entry of entries) {
      this.taken.push(entry)
      this.at = { ...this.at, applied: entry.sequence, fingerprint: fingerprintOf(entry) }
    }
    return Promise.resolve()
  }

  caughtUp(): void {
    this.confirmedAt.push(this.at.applied)
    this.confirmations.push(performance.now())
  }

  /** Resolves once the tail has looked so often again. */
  async rounds(count: number): Promise<void> {
    const end = this.asked + 2 * count
    await vi.waitUntil(() => this.asked >= end, waiting)
  }
}

function text(entry: LogEntry | undefined): string {
  return Buffer.from(entry?.bytes ?? []).toString()
}
