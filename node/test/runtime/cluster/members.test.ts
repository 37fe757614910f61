import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryCluster } from '../../../src/memory/memory-coordination.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { Actors } from '../../../src/runtime/actors/actors.ts'
import { Members, type Self } from '../../../src/runtime/cluster/members.ts'
import type { Bus, Follower, Log } from '../../../src/runtime/ports.ts'
import { Shard } from '../../../src/runtime/shards/shard.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'
import { start } from '../../support/records.ts'

const confirmEveryMs = 400
const freshMs = 1_000

test('what was said before a burst is read makes nothing fresh that was not', async () => {
  const one = await Wire.open()
  one.pass(2_000)
  const before = one.shard.isFresh

  // The server says once more that there is nothing; then its stream is silent, and all waits unread.
  one.isHeld = true
  one.pass(confirmEveryMs)
  one.isSilent = true
  one.pass(400)
  one.isHeld = false
  one.read()
  one.pass(freshMs + 1 - (one.clock.monotonic() - one.lastSaidAt))

  expect(before).toBe(true)
  expect(one.clock.monotonic() - one.lastReadAt).toBeLessThanOrEqual(freshMs)
  expect([one.shard.isFresh, one.members.isTimely]).toEqual([false, true])
})

test('where everything comes in time, a shard is always fresh', async () => {
  const one = await Wire.open()
  one.pass(1_000)
  const seen = new Set<boolean>()

  for (let ms = 0; ms < 5_000; ms += 7) {
    one.pass(7)
    seen.add(one.shard.isFresh)
  }

  expect([...seen]).toEqual([true])
})

test('what is fresh was said within the last second, however long it lay unread', () => {
  const step = fc.record({
    ms: fc.integer({ min: 1, max: 700 }),
    isHeld: fc.boolean(),
    isSilent: fc.boolean(),
  })
  return fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const one = await Wire.open()
      for (const { ms, isHeld, isSilent } of steps) {
        one.isHeld = isHeld
        one.isSilent = isSilent
        if (!isHeld) one.read()
        one.pass(ms)
        const saidMsAgo = one.clock.monotonic() - one.lastSaidAt
        if (one.shard.isFresh) expect(saidMsAgo).toBeLessThanOrEqual(freshMs)
      }
    }),
    { numRuns: 300 },
  )
})

/** A node's only connection: own beats and what the log says come in one order, when it is read. */
class Wire {
  readonly clock = new ManualClock(start)
  readonly members: Members
  readonly shard: Shard
  /** Nothing is read from the connection. */
  isHeld = false
  /** The server says nothing of the stream. */
  isSilent = false
  /** When the server last put into the connection that there is nothing more, and when one was read. */
  lastSaidAt = Number.NEGATIVE_INFINITY
  lastReadAt = Number.NEGATIVE_INFINITY
  private unread: (() => void)[] = []
  private follower: Follower | undefined

  private constructor() {
    const { clock } = this
    const observer = new QuietObserver()
    const coordination = new MemoryCluster(clock).connect()
    const own = { id: 'a', boot: 'a1', host: 'a', zone: '', weight: 1, foldVersion: 1 }
    const uses = { coordination, bus: this.bus(), clock, observer }
    this.members = new Members({ ...own, intent: 'serve' }, describe, uses)
    this.shard = new Shard(0, 1, new MemoryStore().shard(0), {
      log: this.log(),
      actors: new Actors(1024 ** 2, observer),
      clock,
      observer,
      isTimely: () => this.members.isTimely,
      toldSince: (heardAt) => this.members.toldSince(heardAt),
    })
  }

  static async open(): Promise<Wire> {
    const wire = new Wire()
    await wire.members.start()
    void wire.shard.follow()
    wire.say()
    return wire
  }

  pass(ms: number): void {
    this.clock.advance(ms)
  }

  /** Everything that waits is read in one go. */
  read(): void {
    const { unread } = this
    this.unread = []
    for (const deliver of unread) deliver()
  }

  private say(): void {
    this.clock.after(confirmEveryMs, () => this.say())
    if (this.isSilent) return
    this.lastSaidAt = this.clock.monotonic()
    this.put(() => {
      this.lastReadAt = this.clock.monotonic()
      this.follower?.caughtUp(this.lastReadAt)
    })
  }

  private put(deliver: () => void): void {
    this.unread.push(deliver)
    this.clock.after(1, () => {
      if (!this.isHeld) this.read()
    })
  }

  private bus(): Bus {
    const handlers: ((bytes: Uint8Array) => void)[] = []
    return {
      serve: () => {},
      serveShared: () => ({ close: () => Promise.resolve() }),
      request: () => Promise.reject(new Error('nobody is there')),
      publish: (_, bytes) => this.put(() => handlers.map((handle) => handle(bytes))),
      listen: (_, handler) => handlers.push(handler),
      close: () => Promise.resolve(),
    }
  }

  private log(): Log {
    const none = () => Promise.reject(new Error('nothing is written here'))
    return {
      shards: 1,
      fileBytes: 1,
      append: none,
      extent: none,
      trim: none,
      expunge: none,
      usage: none,
      close: () => Promise.resolve(),
      follow: (_, __, follower) => {
        this.follower = follower
        return { close: () => Promise.resolve() }
      },
    }
  }
}

function describe(): Self {
  return {
    epoch: 0,
    playbook: { newest: 0, hash: '', active: 0 },
    identity: { newest: 0, active: 0 },
    replicas: new Map(),
  }
}
