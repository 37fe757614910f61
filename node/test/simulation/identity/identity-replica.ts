import { type FragmentId, identifierIn } from '@halfsecond/protocol'
import { hash64Hex } from '../../../src/core/digest.ts'
import type { FeatureSet } from '../../../src/core/features/feature-set.ts'
import type { Arena } from '../../../src/core/fragment/arena.ts'
import { type Fragment, holdsNothing, release } from '../../../src/core/fragment/fragment.ts'
import { decodeFragment } from '../../../src/core/fragment/fragment-row.ts'
import { featuresOf } from '../../../src/core/fragment/timeline.ts'
import { newestCopy } from '../../../src/core/identity/copies-below.ts'
import { encodeCopy } from '../../../src/core/profile/copy.ts'
import { storedOutboxRow } from '../../../src/core/shard/outbox.ts'
import type { ShardState } from '../../../src/core/shard/shard-state.ts'
import { encodeMeta, encodeProducer, recoverShard } from '../../../src/runtime/shards/shard-rows.ts'
import { BareShard } from '../../support/bare-shard.ts'
import { rowOf } from '../../support/row-of.ts'

/** What is written down of a shard: only what its fold said it had changed. */
interface Disk {
  readonly fragments: Map<FragmentId, Uint8Array>
  readonly producers: Map<string, Uint8Array>
  readonly outbox: Map<string, Uint8Array>
  readonly statistics: Map<string, Uint8Array>
}

/** One shard's fold that can die and begin anew, from its rows alone. */
export class IdentityReplica extends BareShard {
  /** Fragments that changed since the caller took them. */
  readonly touched = new Set<FragmentId>()
  /** What copies say besides plain facts. */
  features: FeatureSet | null = null
  private readonly disk: Disk
  private readonly unsavedFragments = new Set<FragmentId>()
  private readonly unsavedProducers = new Set<string>()
  private readonly unsavedCells = new Set<string>()
  private readonly unsavedMessages = new Map<string, { destination: number; n: number }>()

  constructor(
    shard: number,
    shards: number,
    arena: Arena,
    from?: { readonly state: ShardState; readonly disk: Disk },
  ) {
    super(shard, shards, { arena, ...(from && { state: from.state }) })
    this.disk = from?.disk ?? {
      fragments: new Map(),
      producers: new Map(),
      outbox: new Map(),
      statistics: new Map(),
    }
    for (const [id, row] of this.disk.fragments)
      this.fragments.set(id, decodeFragment(id, row, arena, null))
  }

  override changed(fragment: Fragment): void {
    this.touched.add(fragment.identifier)
    this.unsavedFragments.add(fragment.identifier)
  }

  override producerChanged(producer: string): void {
    this.unsavedProducers.add(producer)
  }

  override statisticsChanged(key: string): void {
    this.unsavedCells.add(key)
  }

  protected override messageChanged(destination: number, n: number): void {
    this.unsavedMessages.set(`${destination} ${n}`, { destination, n })
  }

  /** The fragment `id` as `holder` has it now: what a message carries. */
  copyOf(holder: FragmentId, id: FragmentId): Uint8Array | undefined {
    const fragment = this.fragments.get(holder)
    if (fragment === undefined) return undefined
    if (holder !== id) return newestCopy(fragment.ties, id)?.bytes
    const device = this.fragments.get(identifierIn(id))?.device ?? null
    const features = this.features && featuresOf(fragment, this.features, this)
    return encodeCopy(fragment, device, features, 0)
  }

  /** Dies, and begins anew from what a checkpoint at this moment holds. */
  fromRows(): IdentityReplica {
    this.save()
    const { disk, arena, rows } = this
    const { shard, shards, incarnation } = this.state
    const meta = encodeMeta(this.state, this.letters.length)
    const store = {
      meta: () => meta,
      producers: () => disk.producers.values(),
      outbox: () => disk.outbox.values(),
      statistics: () => disk.statistics.values(),
    }
    const { state } = recoverShard(store, shard, shards, incarnation)
    const next = new IdentityReplica(shard, shards, arena, { state, disk })
    for (const [key, row] of rows) next.rows.set(key, row)
    next.letters.push(...this.letters)
    return next
  }

  /** All that the shard knows, in one word. */
  summary(): string {
    const { state, fragments, arena } = this
    const words = [hash64Hex(encodeMeta(state, this.letters.length))]
    for (const id of [...fragments.keys()].sort()) {
      const fragment = fragments.get(id)
      // What was only looked at is no state.
      if (fragment && !holdsNothing(fragment)) words.push(hash64Hex(rowOf(fragment, arena)))
    }
    for (const destination of state.outbox.waiting())
      for (const row of state.outbox.rows(destination)) words.push(hash64Hex(storedOutboxRow(row)))
    words.push(...Array.from(state.statistics.rows(), (row) => hash64Hex(row)).sort())
    return words.join(' ')
  }

  /** Gives memory back. */
  end(): void {
    for (const fragment of this.fragments.values()) release(fragment, this.arena)
    this.fragments.clear()
  }

  private save(): void {
    const { disk, state } = this
    for (const id of this.unsavedFragments) {
      const fragment = this.fragments.get(id)
      if (fragment) disk.fragments.set(id, rowOf(fragment, this.arena))
    }
    for (const producer of this.unsavedProducers) {
      const row = state.producers.get(producer)
      if (row) disk.producers.set(producer, encodeProducer(producer, row))
      else disk.producers.delete(producer)
    }
    for (const key of this.unsavedCells) {
      const row = state.statistics.row(key)
      if (row) disk.statistics.set(key, row)
      else disk.statistics.delete(key)
    }
    for (const [key, { destination, n }] of this.unsavedMessages) {
      const row = state.outbox.row(destination, n)
      if (row) disk.outbox.set(key, storedOutboxRow(row))
      else disk.outbox.delete(key)
    }
  }
}
