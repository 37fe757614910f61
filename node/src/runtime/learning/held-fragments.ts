import { type FragmentId, HalfsecondError } from '@halfsecond/protocol'
import { Arena } from '../../core/fragment/arena.ts'
import type { Ground } from '../../core/fragment/evolve.ts'
import { type Fragment, release } from '../../core/fragment/fragment.ts'
import { decodeFragment } from '../../core/fragment/fragment-row.ts'
import type { Clock, Store } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { SharedTurn } from '../shared-turn.ts'

export type Reading = Pick<Ground, 'arena' | 'chunks'>

/** A turn of the loop: with a step that begins just before its end, still below 4 ms. */
const turnMs = 2

export interface HeldFragmentsDependencies {
  /** By number; undefined for those that other nodes hold. */
  readonly shards: readonly (Shard | undefined)[]
  readonly store: Pick<Store, 'shard'>
  readonly clock: Clock
}

/** Looks at fragments of shards that are held here, and leaves them where they are. */
export class HeldFragments {
  /** Of all that is looked up at a time. */
  readonly turn: SharedTurn
  private readonly uses: HeldFragmentsDependencies
  /** Memory for rows that are only looked at. */
  private readonly scratch = new Arena()

  constructor(uses: HeldFragmentsDependencies) {
    this.uses = uses
    this.turn = new SharedTurn(uses.clock, turnMs)
  }

  /** @throws HalfsecondError `MOVED` where the shard is not here, or no longer the one before */
  shard(number: number, before?: Shard): Shard {
    const shard = this.uses.shards[number]
    if (shard !== undefined && (before === undefined || before === shard)) return shard
    throw new HalfsecondError('MOVED', `this node does not hold shard ${number}`)
  }

  /**
   * Looks at a fragment where it is: read apart from the actors where it is not one of them, so that
   * whoever is asked about long ago does not push those in use out of memory.
   */
  see<V>(
    shard: Shard,
    id: FragmentId,
    view: (fragment: Fragment, ground: Reading) => V,
  ): V | undefined {
    const resident = shard.memory.peek(id)
    if (resident !== undefined) return view(resident, shard.memory)
    const row = this.uses.store.shard(shard.number).fragment(id)
    if (row === undefined) return undefined
    const fragment = decodeFragment(id, row, this.scratch, null)
    try {
      return view(fragment, { arena: this.scratch, chunks: shard.memory.chunks })
    } finally {
      release(fragment, this.scratch)
    }
  }

  /**
   * Goes through a long reading in turns.
   * @param begin its first step reads what may change or leave memory; all others read sealed rows
   * @returns undefined where there is no such fragment
   */
  async steps<V>(
    shard: Shard,
    id: FragmentId,
    begin: (fragment: Fragment, ground: Reading) => Generator<void, V>,
  ): Promise<V | undefined> {
    const begun = this.see(shard, id, (fragment, ground) => {
      const steps = begin(fragment, ground)
      return { steps, first: steps.next() }
    })
    if (begun === undefined) return undefined
    const { steps } = begun
    for (let step = begun.first; ; step = steps.next()) {
      await this.turn.giveWay()
      if (step.done === true) return step.value
      this.shard(shard.number, shard)
    }
  }
}
