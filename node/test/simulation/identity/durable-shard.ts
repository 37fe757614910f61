import type { FragmentId } from '@halfsecond/protocol'
import type { Fragment } from '../../../src/core/fragment/fragment.ts'
import { foldEntry } from '../../../src/core/shard/fold.ts'
import type { LogEntry, ShardState } from '../../../src/core/shard/shard-state.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { Actors } from '../../../src/runtime/actors/actors.ts'
import { RowsWriter } from '../../../src/runtime/rows.ts'
import type { Cut } from '../../../src/runtime/shards/cut.ts'
import { ShardMemory } from '../../../src/runtime/shards/shard-memory.ts'
import { recoverShard } from '../../../src/runtime/shards/shard-rows.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'
import type { Dice } from '../dice.ts'

/**
 * A shard in the memory that nodes have, where nothing stays that is on disk. Checkpoints begin and
 * end at any time, some are refused, and it starts anew from what is there.
 */
export class DurableShard {
  private readonly shard: number
  private readonly shards: number
  private readonly store = new MemoryStore()
  private readonly observer = new QuietObserver()
  private actors = new Actors(0, this.observer)
  private held: { readonly state: ShardState; readonly memory: ShardMemory }
  private open: { readonly cut: Cut; readonly rows: RowsWriter } | undefined

  constructor(shard: number, shards: number) {
    this.shard = shard
    this.shards = shards
    this.held = this.recovered()
  }

  get state(): ShardState {
    return this.held.state
  }

  read(id: FragmentId): Fragment | undefined {
    return this.held.memory.read(id)
  }

  get arena(): Actors['arena'] {
    return this.actors.arena
  }

  /** Folds all entries, whatever happens in between. */
  foldAll(entries: readonly LogEntry[], dice: Dice): void {
    for (;;) {
      const entry = entries[this.state.applied]
      if (entry === undefined) return
      foldEntry(this.state, entry, this.held.memory)
      this.actors.makeRoom()
      if (dice.chance(0.3)) this.begin()
      if (dice.chance(0.3)) this.open?.cut.encodeSome(1 + dice.below(3))
      if (dice.chance(0.3)) this.end(dice.chance(0.2))
      if (dice.chance(0.05)) this.startAnew()
    }
  }

  private begin(): void {
    if (this.open) return
    const rows = new RowsWriter()
    this.open = { rows, cut: this.held.memory.cut(rows) }
  }

  private end(isRefused: boolean): void {
    if (this.open === undefined) return
    const { cut } = this.open
    const { memory } = this.held
    this.open = undefined
    while (cut.encodeSome(8));
    if (isRefused) {
      memory.abandoned(cut)
      return
    }
    // Its rows are written before the call returns.
    void this.store.shard(this.shard).commit(cut.finish())
    memory.committed(cut)
  }

  /** What no checkpoint wrote is folded again. */
  private startAnew(): void {
    this.open = undefined
    this.actors = new Actors(0, this.observer)
    this.held = this.recovered()
  }

  private recovered(): { readonly state: ShardState; readonly memory: ShardMemory } {
    const store = this.store.shard(this.shard)
    const recovered = recoverShard(store, this.shard, this.shards, 1)
    const memory = new ShardMemory(recovered, store, this.actors, this.observer)
    return { state: recovered.state, memory }
  }
}
