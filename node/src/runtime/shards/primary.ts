import {
  encode,
  encodeBatch,
  type FragmentId,
  type GrantRecord,
  HalfsecondError,
  type PrimaryOwnRecord,
  type SegmentRecord,
  toHalfsecondError,
} from '@halfsecond/protocol'
import type { Clock, Log, Observer, Signals, Timer } from '../ports.ts'
import { OutboxSender } from './outbox-sender.ts'
import type { Shard } from './shard.ts'
import type { Hash } from './signal-batch.ts'

/** How often logical time moves while a shard has traffic, and while it has none. */
const busyTickMs = 1_000
const idleTickMs = 10_000

/** What an entry takes that only fills a log. */
const padBytes = 200 * 1024

/** How long one own record may take to be folded before it is written again. */
const foldedMs = 5_000

export interface PrimaryDependencies {
  readonly log: Log
  readonly signals: Signals
  readonly hash: Hash
  readonly clock: Clock
  readonly observer: Observer
}

/**
 * Leads a shard: tells its log who leads, what time it is and which playbook decides, and tells
 * other shards and other systems what this one has for them.
 *
 *   standing by ──lead──► claiming ──own `primary` folded──► leading ──newer epoch──► standing by
 *
 * P1 it acts only after it has folded its own `primary` record, and never once a newer one is folded.
 * P2 a record that may not have been written is written again: all of them are idempotent.
 */
export class Primary {
  /** Epoch in which this node leads; 0 while it does not. */
  private epoch = 0
  private readonly node: string
  private readonly shard: Shard
  private readonly log: Log
  private readonly clock: Clock
  private readonly observer: Observer
  private readonly outbox: OutboxSender
  private written = 0
  private tickedAt = Number.NEGATIVE_INFINITY
  private timer: Timer | undefined
  private isClosed = false

  constructor(node: string, shard: Shard, uses: PrimaryDependencies) {
    const { log, signals, hash, clock, observer } = uses
    this.node = node
    this.shard = shard
    this.log = log
    this.clock = clock
    this.observer = observer
    this.outbox = new OutboxSender({
      shard,
      log,
      signals,
      hash,
      clock,
      observer,
      isLeading: () => this.isLeading,
      noteSent: () => this.write(),
    })
    shard.onOutbox = () => this.outbox.kick()
    shard.onUnsentAsked = () => this.outbox.noteSoon()
    shard.arrivedAt = (destination) => this.outbox.arrivedAt(destination)
  }

  get number(): number {
    return this.shard.number
  }

  get isLeading(): boolean {
    return this.epoch > 0 && this.epoch === this.shard.state.epoch && !this.shard.isStopped
  }

  /** Whether it leads in this very epoch: then there is nothing to claim. */
  isLeadingIn(epoch: number): boolean {
    return this.isLeading && this.epoch === epoch
  }

  /**
   * Claims the shard in an epoch that the map gave to this life of this node only; resolves once it
   * leads. Rejects where the log takes nothing: then claim it again.
   */
  async lead(epoch: number): Promise<void> {
    if (this.epoch !== epoch) this.written = 0
    this.epoch = epoch
    await this.write({ kind: 'primary', epoch, node: this.node })
    if (this.timer === undefined) this.schedule()
    this.outbox.kick()
  }

  /** The map gave the shard to another: nothing is written any more. */
  standDown(): void {
    this.epoch = 0
  }

  /** The playbook version that the shard decides by. */
  get playbook(): number {
    return this.shard.state.playbook.version
  }

  /** Makes a playbook version the one that decides; resolves once that is folded. */
  activate(version: number, hash: string): Promise<void> {
    return this.write({ kind: 'playbook', epoch: this.epoch, version, hash })
  }

  /** Version of the identity configuration that the shard recognises by. */
  get identity(): number {
    return this.shard.state.identity.version
  }

  /** Makes an identity configuration the one that holds; resolves once that is folded. */
  recogniseBy(version: number, text: string): Promise<void> {
    return this.write({ kind: 'identity', epoch: this.epoch, version, text })
  }

  /** The shard's logical time. */
  get time(): number {
    return this.shard.state.time.now
  }

  /** Has fragments forgotten that nothing was written to since; resolves once that is folded. */
  expire(ids: readonly FragmentId[], idleSince: number): Promise<void> {
    const { epoch } = this
    return this.write(...ids.map((id) => ({ kind: 'expire', epoch, id, idleSince }) as const))
  }

  /** Has roots judge their profiles by the active rules; resolves once that is folded. */
  judge(ids: readonly FragmentId[]): Promise<void> {
    return this.write(...ids.map((id) => ({ kind: 'judge', epoch: this.epoch, id }) as const))
  }

  /** Has roots counted in and out of segments; resolves once that is folded. */
  segment(records: readonly Omit<SegmentRecord, 'kind' | 'epoch'>[]): Promise<void> {
    const { epoch } = this
    return this.write(...records.map((one) => ({ kind: 'segment', epoch, ...one }) as const))
  }

  /** Has what was given counted at roots, where it may; resolves with whether that is folded. */
  async grant(grants: readonly Omit<GrantRecord, 'kind' | 'epoch'>[]): Promise<boolean> {
    const { epoch } = this
    if (!this.isLeading) return false
    const sequence = await this.append(
      grants.map((one) => ({ kind: 'grant', epoch, ...one }) as const),
    )
    return this.shard.state.applied >= sequence
  }

  /** The rules that the shard is folded by. */
  get foldVersion(): number {
    return this.shard.state.foldVersion
  }

  /** Has the shard folded by newer rules, which all nodes know. */
  async raiseFold(foldVersion: number): Promise<void> {
    if (this.foldVersion >= foldVersion) return
    await this.write({ kind: 'barrier', epoch: this.epoch, foldVersion })
  }

  /**
   * Writes to the log what changes nothing but the time, at least so many bytes. Resolves with the
   * position of the last entry, once that is folded.
   */
  async mark(bytes = 0): Promise<number> {
    const tick = { kind: 'tick', epoch: this.epoch, wall: this.clock.now() } as const
    const padded = { ...tick, pad: new Uint8Array(padBytes) }
    for (let left = bytes; left > 0; left -= padBytes) await this.append([padded])
    return this.append([tick])
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
    this.outbox.close()
  }

  private async write(...records: readonly PrimaryOwnRecord[]): Promise<void> {
    await this.append(records)
  }

  /**
   * Writes records, and whatever has arrived elsewhere and is not noted yet. Resolves with the
   * position, once it is folded or that takes too long. Rejects with `UNAVAILABLE` where the map gave
   * the shard to another meanwhile: a record without an epoch would stop every replica.
   */
  private async append(records: readonly PrimaryOwnRecord[]): Promise<number> {
    const { epoch } = this
    if (epoch === 0) {
      const why = `shard ${this.shard.number} is led by another node now: ask that one`
      throw new HalfsecondError('UNAVAILABLE', why)
    }
    const sent = this.isLeading ? this.outbox.unnoted() : []
    const noted = sent.map((one) => ({ kind: 'sent', epoch, ...one }) as const)
    const encoded = [...noted, ...records].map((record) => encode(record))
    const batch = encodeBatch(`primary:${epoch}`, this.written + 1, encoded)
    this.written += encoded.length
    const sequence = await this.log.append(this.shard.number, batch, 'own')
    await this.shard.reached(sequence, foldedMs)
    return sequence
  }

  /**
   * Each shard has its own moment in every `busyTickMs`: ticks of all shards at once would be as many
   * writes to the disk, and whoever asks for a decision then would wait for them.
   */
  private schedule(): void {
    if (this.isClosed) return
    const { shard, shards } = this.shard.state
    const sinceMs = this.clock.monotonic() - (busyTickMs * shard) / shards
    const leftMs = busyTickMs - (((sinceMs % busyTickMs) + busyTickMs) % busyTickMs)
    // A timer may come a little early; it would come again at once.
    this.timer = this.clock.after(
      Math.ceil(leftMs) + 1,
      () => void this.tick().finally(() => this.schedule()),
    )
  }

  private async tick(): Promise<void> {
    if (!this.isLeading) return
    const now = this.clock.monotonic()
    const sinceMs = now - this.tickedAt
    const isBusy = this.shard.traffic > 0 || this.outbox.unnoted().length > 0
    if (sinceMs < (isBusy ? busyTickMs / 2 : idleTickMs)) return
    this.shard.traffic = 0
    this.tickedAt = now
    try {
      await this.write({ kind: 'tick', epoch: this.epoch, wall: this.clock.now() })
    } catch (error) {
      const failure = toHalfsecondError(error, 'UNAVAILABLE', 'no tick')
      this.observer.failed(`tick of shard ${this.shard.number}`, failure)
    }
  }
}
