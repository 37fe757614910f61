import {
  builtInNamespaces,
  encode,
  encodeBatch,
  type FragmentId,
  type SegmentRecord,
} from '@halfsecond/protocol'
import type { Playbook } from '../../src/core/decision/playbook.ts'
import { isRoot } from '../../src/core/segment/take-segment.ts'
import { signalDestination } from '../../src/core/shard/signal.ts'
import { MemoryStore } from '../../src/memory/memory-store.ts'
import { RowsWriter } from '../../src/runtime/rows.ts'
import type { Segmenter } from '../../src/runtime/segments/segmenter.ts'
import { makeSegments } from '../../src/runtime/segments/segments.ts'
import type { Shard } from '../../src/runtime/shards/shard.ts'
import { ZoneCalendar } from '../../src/system/zone-calendar.ts'
import { DecidingCluster } from './deciding-cluster.ts'
import { rowOf } from './row-of.ts'

/** One node that leads all shards and looks who is in which segment. */
export class WatchedPeople {
  readonly cluster: DecidingCluster
  readonly segmenter: Segmenter
  /** While true, logs take nothing of segments. */
  isLogFull = false
  private readonly shards: readonly Shard[]
  private readonly store = new MemoryStore()
  private written = 0

  private constructor(cluster: DecidingCluster) {
    this.cluster = cluster
    const [node] = cluster.nodes
    if (node === undefined) throw new RangeError('one node')
    const { playbooks, decider, observer } = node
    const shards = node.shards.filter((one) => one !== undefined)
    this.shards = shards
    this.segmenter = makeSegments(
      {
        store: this.store,
        clock: cluster.clock,
        calendar: new ZoneCalendar(),
        random: { bytes: (count) => new Uint8Array(count).fill(7) },
        observer,
      },
      {
        shards,
        leaders: () =>
          shards.map(({ number }) => ({
            number,
            segment: (records) => this.write(number, records),
          })),
        playbooks,
        decider,
        namespaces: () => builtInNamespaces,
      },
    )
    for (const shard of shards) this.segmenter.hold(shard)
  }

  static async start(playbook: Playbook): Promise<WatchedPeople> {
    return new WatchedPeople(await DecidingCluster.start([[0], [0], [0], [0]], playbook))
  }

  /** Lets time pass, in steps. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.cluster.clock.advance(stepMs)
      for (let i = 0; i < 5; i++) {
        await new Promise<void>((resolve) => setImmediate(resolve))
        // What waits for its turn only.
        this.cluster.clock.advance(0)
      }
    }
  }

  /** The store has all fragments as they are now. */
  async checkpoint(): Promise<void> {
    for (const shard of this.shards) {
      const rows = new RowsWriter()
      for (const { identifier } of shard.memory.unsavedFragments()) {
        const fragment = shard.read(identifier)
        if (fragment === undefined) continue
        const row = rowOf(fragment, shard.memory.arena)
        rows.bytes.set(row, rows.begin(identifier, row.length))
      }
      await this.store.shard(shard.number).commit(rows.finish())
    }
  }

  /** Signals that wait. */
  waiting(): number {
    return this.shards.reduce(
      (sum, { state }) => sum + state.outbox.sizeOf(signalDestination(state.shards)),
      0,
    )
  }

  /** Other systems take all that waits. */
  take(): void {
    for (const { state } of this.shards)
      state.outbox.sent(signalDestination(state.shards), Number.MAX_SAFE_INTEGER, () => {})
  }

  /** What other systems hear of a profile, in order: `signal segment`. */
  heardOf(root: FragmentId): string[] {
    return this.shards.flatMap(({ state }) =>
      [...state.outbox.rows(signalDestination(state.shards))].flatMap(({ message }) =>
        message.kind === 'signal' && message.root === root && 'segment' in message
          ? [`${message.signal} ${message.segment}`]
          : [],
      ),
    )
  }

  /** The segments that a root is in; undefined for what is no root. */
  segmentsOf(id: FragmentId): ReadonlySet<string> | undefined {
    for (const shard of this.shards) {
      const fragment = shard.memory.unsavedFragments().find(({ identifier }) => identifier === id)
      if (fragment) return isRoot(fragment) ? (fragment.segments ?? new Set()) : undefined
    }
    return undefined
  }

  private async write(
    shard: number,
    records: readonly Omit<SegmentRecord, 'kind' | 'epoch'>[],
  ): Promise<void> {
    if (this.isLogFull) throw new Error('the log is full')
    const { log } = this.cluster
    const encoded = records.map((one) => encode({ kind: 'segment', epoch: 1, ...one }))
    await log.append(shard, encodeBatch('primary:1', ++this.written + 1_000_000, encoded), 'own')
    log.deliver(shard)
  }
}
