import { type Answer, type EventRecord, encode, encodeBatch, shardOf } from '@halfsecond/protocol'
import { expect } from 'vitest'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../src/memory/memory-log.ts'
import { MemoryStore } from '../../src/memory/memory-store.ts'
import type { Writer } from '../../src/runtime/ports.ts'
import type { Shard } from '../../src/runtime/shards/shard.ts'
import { BareShard } from './bare-shard.ts'
import { ask, deciderOf, question } from './deciding-replica.ts'
import { anon, event, ownBatch, start } from './records.ts'
import { Replica, type World } from './replica.ts'

export const visitorCount = 6
export const clientCount = 3
export const shardCount = 2

/** A channel server: numbers its records per shard, and sends again what it got no ack for. */
class Client {
  readonly producer: string
  /** Per shard: all that was recorded, in order; record i has number i + 1. */
  readonly recorded: EventRecord[][] = Array.from({ length: shardCount }, () => [])
  /** Per shard: how many of them were acknowledged, and where. */
  readonly acked = Array.from({ length: shardCount }, () => ({ records: 0, sequence: 0 }))

  constructor(producer: string) {
    this.producer = producer
  }

  /** The records without an ack, as one batch; undefined where there are none. */
  unacked(shard: number): Uint8Array | undefined {
    const done = this.acked[shard]?.records ?? 0
    const rest = this.recorded[shard]?.slice(done) ?? []
    if (rest.length === 0) return undefined
    return encodeBatch(
      this.producer,
      done + 1,
      rest.map((record) => encode(record)),
    )
  }

  ids(visitor: number): string[] {
    return this.recorded.flatMap((records) =>
      records.filter(({ key }) => key === anon(visitor)).map(({ id }) => id),
    )
  }
}

/**
 * Clients, a log and one process in one thread, on one clock that moves only when told. What must
 * hold is checked against a fold on plain maps that never crashes.
 */
export class Simulation {
  private readonly world: World & { readonly log: MemoryLog }
  private readonly clients: readonly Client[]
  /** By shard: the fold of its whole log, and the digest after each entry. */
  private readonly oracles = Array.from({ length: shardCount }, (_, shard) => ({
    bare: new BareShard(shard, shardCount),
    digests: ['0'.repeat(16)],
  }))
  private replica: Replica
  private ticks = 0
  /** How often what was simulated, so that a test can tell that it tested something. */
  readonly seen = { decides: 0, fresh: 0, stale: 0, crashes: 0, resends: 0 }

  static async start(budgetBytes: number): Promise<Simulation> {
    const clock = new ManualClock(start)
    const log = new MemoryLog(shardCount, () => clock.now())
    log.isAutomatic = false
    const world = { log, clock, disk: new MemoryStore() }
    const simulation = new Simulation(world, await Replica.start(world, budgetBytes), budgetBytes)
    for (let shard = 0; shard < shardCount; shard++) {
      const record = { kind: 'playbook', epoch: 1, version: 1, hash: 'h' } as const
      await simulation.append(shard, ownBatch(1, 1, record), 'own')
    }
    return simulation
  }

  private readonly budgetBytes: number

  private constructor(world: World & { log: MemoryLog }, replica: Replica, budgetBytes: number) {
    this.world = world
    this.replica = replica
    this.budgetBytes = budgetBytes
    this.clients = Array.from({ length: clientCount }, (_, i) => new Client(`client${i}`))
  }

  track(client: number, visitor: number): void {
    const { producer, recorded } = this.client(client)
    const shard = shardOf(anon(visitor), shardCount)
    const own = recorded[shard] ?? []
    // Clocks of channel servers differ by some seconds.
    const at = this.world.clock.now() + (client - 1) * 3_000
    own.push(event(anon(visitor), `${producer}-${shard}-${own.length}`, at))
  }

  /** Sends all that is not acknowledged; the ack may get lost, and the log out of reach. */
  async send(client: number, shard: number, fate: 'acked' | 'ack lost' | 'refused'): Promise<void> {
    const { acked, recorded } = this.client(client)
    const bytes = this.client(client).unacked(shard)
    if (bytes === undefined) return
    this.world.log.isReachable = fate !== 'refused'
    const sequence = await this.append(shard, bytes, 'log').catch(() => 0)
    this.world.log.isReachable = true
    if (fate === 'acked') acked[shard] = { records: recorded[shard]?.length ?? 0, sequence }
    else if (fate === 'ack lost') this.seen.resends++
  }

  async tick(shard: number): Promise<void> {
    const record = { kind: 'tick', epoch: 1, wall: this.world.clock.now() } as const
    await this.append(shard, ownBatch(1, ++this.ticks, record), 'own')
  }

  deliver(shard: number, count: number): void {
    this.world.log.deliver(shard, count)
  }

  pass(ms: number): Promise<void> {
    return this.replica.pass(ms)
  }

  async disk(state: 'works' | 'fails' | 'holds' | 'lands'): Promise<void> {
    const { store } = this.replica
    if (state === 'fails') store.failHeld()
    else if (state !== 'holds') await store.landHeld()
    if (state !== 'lands') store.mode = state
    await this.replica.turn()
  }

  /** What was being written when the process died is on disk, or not. */
  async crash(isLanded: boolean): Promise<void> {
    this.seen.crashes++
    if (isLanded) await this.replica.store.landHeld()
    await this.replica.crash()
    this.replica = await Replica.start(this.world, this.budgetBytes)
  }

  /** Asks as a client does: with its position, and with what is not acknowledged. */
  async decide(client: number, visitor: number): Promise<void> {
    const number = shardOf(anon(visitor), shardCount)
    const shard = this.shard(number)
    if (shard.status !== 'following') return
    const asker = this.client(client)
    const pending = asker.unacked(number)
    const position = asker.acked[number]?.sequence ?? 0
    const decider = deciderOf(this.world, this.replica, this.replica.shards)
    const asked = ask(
      decider,
      question(anon(visitor), {
        pending: pending ? [pending] : [],
        positions: [[number, shard.state.incarnation, position]],
      }),
    )
    this.world.clock.advance(50)
    const [answer] = (await asked).answers
    this.checkAnswer(answer, shard, asker, visitor)
  }

  private checkAnswer(
    answer: Answer | undefined,
    shard: Shard,
    asker: Client,
    visitor: number,
  ): void {
    if (answer?.kind !== 'decision') throw new Error(`no decision: ${JSON.stringify(answer)}`)
    const [placement] = answer.placements
    const content =
      placement && 'propositions' in placement ? placement.propositions[0]?.content : undefined
    const count = ['none', 'one', 'two', 'three'].indexOf(String(content))
    const folded = this.replica.view(shard, anon(visitor))?.timeline.map(({ id }) => id) ?? []
    const done = asker.acked[shard.number]?.records ?? 0
    const pending = (asker.recorded[shard.number] ?? []).slice(done)
    const own = pending.filter(({ key }) => key === anon(visitor)).map(({ id }) => id)
    const known = new Set([...folded, ...own])
    expect(count, 'what is folded or pending, each once').toBe(Math.min(3, known.size))
    this.seen.decides++
    if (answer.freshness === 'stale') {
      this.seen.stale++
      return
    }
    this.seen.fresh++
    const unread = asker.ids(visitor).filter((id) => !known.has(id))
    expect(unread, 'a fresh answer reflects all that its asker recorded').toEqual([])
  }

  /** What must hold at every moment. */
  check(): void {
    for (const { number, state, status, flushed } of this.replica.shards) {
      const { digests } = this.oracle(number)
      expect(['recovering', 'following']).toContain(status)
      expect(state.applied).toBeLessThan(digests.length)
      expect(flushed).toBeLessThanOrEqual(state.applied)
      expect(state.digest.toString()).toBe(digests[state.applied])
    }
  }

  /** Everything arrives; then every record is there once, under its visitor. */
  async settle(): Promise<void> {
    await this.disk('works')
    for (let shard = 0; shard < shardCount; shard++) {
      for (let client = 0; client < clientCount; client++) await this.send(client, shard, 'acked')
      this.deliver(shard, Number.POSITIVE_INFINITY)
    }
    await this.replica.flush()
    await this.crash(false)
    this.check()
    for (let visitor = 0; visitor < visitorCount; visitor++) {
      const shard = this.shard(shardOf(anon(visitor), shardCount))
      const { bare } = this.oracle(shard.number)
      const view = this.replica.view(shard, anon(visitor))
      expect(view).toEqual(bare.view(anon(visitor)))
      const ids = this.clients.flatMap((client) => client.ids(visitor))
      expect(view?.timeline.map(({ id }) => id).sort() ?? []).toEqual(ids.sort())
    }
  }

  private async append(shard: number, bytes: Uint8Array, writer: Writer): Promise<number> {
    const timestamp = this.world.clock.now()
    const sequence = await this.world.log.append(shard, bytes, writer)
    const { bare, digests } = this.oracle(shard)
    bare.take(bytes, timestamp, writer === 'own')
    digests.push(bare.digest.toString())
    expect(sequence).toBe(digests.length - 1)
    return sequence
  }

  private client(number: number): Client {
    return found(this.clients[number])
  }

  private shard(number: number): Shard {
    return found(this.replica.shards[number])
  }

  private oracle(shard: number): { readonly bare: BareShard; readonly digests: string[] } {
    return found(this.oracles[shard])
  }
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError('no such client or shard')
  return value
}
