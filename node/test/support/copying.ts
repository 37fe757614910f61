import { HalfsecondError } from '@halfsecond/protocol'
import { initialShardState } from '../../src/core/shard/shard-state.ts'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { SnapshotDonor } from '../../src/runtime/cluster/snapshot-donor.ts'
import { importSnapshot } from '../../src/runtime/cluster/snapshot-import.ts'
import type { Bus, Clock, ShardStore, Store } from '../../src/runtime/ports.ts'
import { RowsWriter } from '../../src/runtime/rows.ts'
import type { ShardStatus } from '../../src/runtime/shards/shard.ts'
import { encodeMeta } from '../../src/runtime/shards/shard-rows.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { putFragment } from './put-fragment.ts'
import { QuietObserver } from './quiet-observer.ts'
import { anon } from './records.ts'

/** Pauses take no time. */
export const hastyClock: Clock = { ...systemClock, after: (_, run) => systemClock.after(0, run) }

/** A donor of shard 0, and the wire to it: what is on the wire can be looked at, changed or lost. */
export class DonorOverWire implements Pick<Bus, 'request'> {
  readonly clock = new ManualClock()
  readonly donor: SnapshotDonor
  status: ShardStatus | undefined = 'following'
  requests = 0
  /** The largest answer. */
  answerBytes = 0
  /** Called before each request reaches the donor; what it throws is what the bus says. */
  onRequest: (number: number) => Promise<void> | void = () => {}
  /** Changes an answer. */
  onAnswer: (number: number, answer: Uint8Array) => Uint8Array = (_, answer) => answer

  constructor(store: Store) {
    const shard = () => this.status && { status: this.status }
    this.donor = new SnapshotDonor({ store, shard, clock: this.clock })
  }

  async request(_: string, bytes: Uint8Array): Promise<Uint8Array> {
    const number = ++this.requests
    await this.onRequest(number)
    const answer = this.onAnswer(number, this.donor.answer(bytes))
    this.answerBytes = Math.max(this.answerBytes, answer.length)
    return Uint8Array.from(answer)
  }
}

/** Copies shard 0 as fast as it goes. */
export function copyTo(
  store: Store,
  bus: Pick<Bus, 'request'>,
  onBegin: (applied: number) => void = () => {},
): Promise<number> {
  return importSnapshot({
    bus,
    node: 'donor',
    shard: 0,
    store,
    clock: hastyClock,
    observer: new QuietObserver(),
    onBegin,
    bytesPerSecond: Number.POSITIVE_INFINITY,
  })
}

/** Fragments of these sizes, and a meta row at this position. */
export function fill(
  shard: ShardStore,
  sizes: readonly number[],
  applied: number,
  foldVersion = 1,
): Promise<void> {
  const rows = new RowsWriter()
  for (const [i, size] of sizes.entries()) putFragment(rows, anon(i), Buffer.alloc(size, i))
  rows.meta(encodeMeta({ ...initialShardState(0, 1, 7), applied, foldVersion }, 0))
  return shard.commit(rows.finish())
}

/** Every row as text, the meta row last. */
export function contentOf(shard: ShardStore): string[] {
  const snapshot = shard.snapshot()
  const others = snapshot.rows(undefined, Number.POSITIVE_INFINITY)
  const rows = snapshot.meta ? [...others, snapshot.meta] : others
  snapshot.close()
  return rows.map((row) => `${textOf(row.key)} ${textOf(row.value)}`)
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

export function lost(): never {
  throw new HalfsecondError('TIMEOUT', 'no answer')
}
