import { MemoryLog } from '../../src/memory/memory-log.ts'
import type { LogEntry, Writer } from '../../src/runtime/ports.ts'
import type { Dice } from './dice.ts'
import type { VirtualTime } from './virtual-time.ts'

/** Whoever is connected, told when the connection has gone or come back. */
export interface Connected {
  readonly name: string
  reset(): void
}

/** Told what the log holds, as it comes to hold it. */
export interface LogWitness {
  /** @param by the life that wrote it */
  appended(shard: number, entry: LogEntry, by: string): void
  lost(shard: number, last: number): void
  trimmed(shard: number, first: number): void
}

/** The servers that keep the log, with what goes wrong with them. */
export class LogServer {
  readonly log: MemoryLog
  /** How far its wall clock is off. */
  skewMs = 0
  /** Share of appends that take place without being confirmed. */
  ackLoss = 0
  /** Whether it says that it is nearly full. */
  isPressed = false
  private readonly time: VirtualTime
  private readonly dice: Dice
  private readonly witness: LogWitness
  private readonly connected = new Set<Connected>()
  private readonly cut = new Set<string>()
  private readonly poisoned = new Set<string>()
  private isUp = true

  constructor(shards: number, time: VirtualTime, dice: Dice, witness: LogWitness) {
    this.time = time
    this.dice = dice
    this.witness = witness
    this.log = new MemoryLog(shards, () => time.now() + this.skewMs)
  }

  /** One way. */
  latencyMs(): number {
    return this.dice.between(0.2, 2)
  }

  /** Which life of a shard's log there is. */
  async incarnation(shard: number): Promise<number> {
    return (await this.log.extent(shard)).incarnation
  }

  connect(one: Connected): void {
    this.connected.add(one)
  }

  leave(one: Connected): void {
    this.connected.delete(one)
  }

  reaches(name: string): boolean {
    return this.isUp && !this.cut.has(name)
  }

  setUp(isUp: boolean): void {
    this.isUp = isUp
    for (const one of this.connected) one.reset()
  }

  setCut(name: string, isCut: boolean): void {
    if (isCut) this.cut.add(name)
    else this.cut.delete(name)
    this.reset(name)
  }

  /** Consumers are gone: whoever followed attaches anew. */
  reset(name: string): void {
    for (const one of this.connected) if (one.name === name) one.reset()
  }

  /** Appends at once. */
  async append(shard: number, bytes: Uint8Array, writer: Writer, by: string): Promise<number> {
    const timestamp = this.time.now() + this.skewMs
    const sequence = await this.log.append(shard, bytes, writer)
    this.witness.appended(shard, { sequence, timestamp, own: writer === 'own', bytes }, by)
    return sequence
  }

  /** The servers lose what they took last, as after a power failure without syncs. */
  async loseSuffix(shard: number, count: number): Promise<void> {
    this.log.loseSuffix(shard, count)
    const { last } = await this.log.extent(shard)
    this.witness.lost(shard, last)
    for (const one of this.connected) one.reset()
  }

  /** The stream is deleted and made anew. */
  recreate(shard: number): void {
    this.log.recreate(shard)
    this.witness.lost(shard, 0)
    for (const one of this.connected) one.reset()
  }

  async trim(shard: number, first: number): Promise<void> {
    await this.log.trim(shard, first)
    this.witness.trimmed(shard, first)
  }

  isAckLost(): boolean {
    return this.dice.chance(this.ackLoss)
  }

  /** The next entry of the shard that this node is passed cannot be folded there. */
  poison(name: string, shard: number): void {
    this.poisoned.add(`${name} ${shard}`)
  }

  clean(): void {
    this.poisoned.clear()
  }

  isPoisoned(name: string, shard: number): boolean {
    return this.poisoned.delete(`${name} ${shard}`)
  }
}
