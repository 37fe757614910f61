import { type FragmentId, HalfsecondError, identifierIn, shardOf } from '@halfsecond/protocol'
import { Arena } from '../core/fragment/arena.ts'
import type { Ground } from '../core/fragment/evolve.ts'
import { type Fragment, isEmpty, release } from '../core/fragment/fragment.ts'
import { decodeFragment, identifierInRow } from '../core/fragment/fragment-row.ts'
import { type ConflictView, conflictsOf } from '../core/person/conflicts.ts'
import { type HeadView, headOf } from '../core/person/head-view.ts'
import {
  type ProfileView,
  type SourceView,
  sourceViewOf,
  viewInSteps,
  viewOf,
} from '../core/profile-view.ts'
import { statisticsOf } from './learning/shard-statistics.ts'
import type { Clock, FragmentRow, Store } from './ports.ts'
import type { Checkpointer } from './shards/checkpointer.ts'
import type { Shard } from './shards/shard.ts'
import { SharedTurn } from './shared-turn.ts'

/** Rows read at once. */
const rowsAtOnce = 64

/** A turn of the loop: decides in between wait no longer. */
const turnMs = 1

export interface ProfilesDependencies {
  /** By number; undefined for those that other nodes hold. */
  readonly shards: readonly (Shard | undefined)[]
  readonly store: Store
  readonly checkpointer: Checkpointer
  readonly clock: Clock
}

/** Reads whole profiles, for people and exports: never on the way of a decide. */
export class Profiles {
  private readonly uses: ProfilesDependencies
  /** Memory for rows that are only read. */
  private readonly scratch = new Arena()
  /** Of all that is read through at a time: exports, reports, statistics. */
  private readonly turn: SharedTurn

  constructor(uses: ProfilesDependencies) {
    this.uses = uses
    this.turn = new SharedTurn(uses.clock, turnMs)
  }

  /**
   * A long timeline is read in steps, so that decides do not wait for it.
   * @param newest so many entries of its timeline
   */
  async get(id: FragmentId, newest?: number): Promise<ProfileView | undefined> {
    const { memory } = this.homeOf(id)
    const fragment = memory.read(id)
    if (fragment === undefined || isEmpty(fragment)) return undefined
    if (newest !== undefined) return viewOf(fragment, memory, newest)
    const steps = viewInSteps(fragment, memory)
    for (;;) {
      const { done, value } = steps.next()
      if (done) return value
      await new Promise<void>((resume) => this.uses.clock.soon(resume))
    }
  }

  head(id: FragmentId): HeadView | undefined {
    const shard = this.homeOf(id)
    const fragment = shard.read(id)
    return fragment && headOf(fragment)
  }

  /** Every profile of the shards held here, once. */
  async *all(): AsyncGenerator<ProfileView> {
    for (const shard of this.uses.shards) if (shard) yield* this.ofShard(shard.number)
  }

  /** Every profile of a shard, once. Rejects with `MOVED` where the shard is not here, or no longer. */
  ofShard(number: number): AsyncGenerator<ProfileView> {
    return this.each(number, viewIn)
  }

  /** Every conflict that is kept in a shard; as `ofShard`. */
  async *conflictsOf(number: number): AsyncGenerator<ConflictView> {
    for await (const head of this.each(number, headOf)) yield* conflictsOf(head)
  }

  /** What a source has set on each fragment of a shard; as `ofShard`. */
  traitsOf(number: number, source: string): AsyncGenerator<SourceView> {
    return this.each(number, (fragment) => sourceViewOf(fragment, source))
  }

  /** What a shard has learnt from outcomes, as of one position; rejects as `ofShard`. */
  statisticsOf(number: number): AsyncGenerator<object> {
    return statisticsOf(this.uses.shards[number], this.turn)
  }

  /**
   * A view of every fragment of a shard that has one, once. Rows come from the store; what it does
   * not have in its present form comes from memory, and is read when its turn comes.
   */
  async *each<V>(number: number, view: ViewIn<V>): AsyncGenerator<V> {
    await this.uses.checkpointer.flush()
    const shard = this.held(number)
    const fromMemory = new Set(shard.memory.unsavedFragments().map(({ identifier }) => identifier))
    for (const identifier of fromMemory) {
      await this.turn.giveWay()
      const fragment = this.held(number).read(identifier)
      const viewed = fragment && view(fragment, shard.memory)
      if (viewed !== undefined) yield viewed
    }
    const store = this.uses.store.shard(number)
    let rows = store.fragments(undefined, rowsAtOnce)
    while (rows.length > 0) {
      for (const { row } of rows) {
        const viewed = this.viewOfRow(shard, row, fromMemory, view)
        if (viewed !== undefined) yield viewed
        await this.turn.giveWay()
        this.check(shard)
      }
      rows = store.fragments(rows[rows.length - 1]?.key, rowsAtOnce)
    }
  }

  /**
   * A view of each of these fragments that has one, without keeping in memory what was not there.
   * Rejects with `MOVED` where a home is not here, or no longer.
   */
  async *peek<V>(ids: readonly FragmentId[], view: ViewIn<V>): AsyncGenerator<V> {
    for (const id of ids) {
      await this.turn.giveWay()
      const shard = this.homeOf(id)
      const fragment = shard.memory.inMemory(id)
      const row = fragment ? undefined : this.uses.store.shard(shard.number).fragment(id)
      const viewed = fragment
        ? view(fragment, shard.memory)
        : row && this.viewOf(id, row, shard, view)
      if (viewed !== undefined) yield viewed
    }
  }

  private homeOf(id: FragmentId): Shard {
    return this.held(shardOf(identifierIn(id), this.uses.shards.length))
  }

  private held(number: number): Shard {
    const shard = this.uses.shards[number]
    if (shard) return shard
    throw new HalfsecondError('MOVED', `this node does not hold shard ${number}`)
  }

  /** Whoever reads may be slow: meanwhile the shard may go to another node, and its rows from here. */
  private check(shard: Shard): void {
    if (this.uses.shards[shard.number] !== shard)
      throw new HalfsecondError('UNAVAILABLE', `shard ${shard.number} left this node meanwhile`)
  }

  private viewOfRow<V>(
    shard: Shard,
    row: FragmentRow['row'],
    done: ReadonlySet<FragmentId>,
    view: ViewIn<V>,
  ): V | undefined {
    const identifier = identifierInRow(row)
    if (identifier === undefined || done.has(identifier)) return undefined
    return this.viewOf(identifier, row, shard, view)
  }

  /** Decoded apart from the actors, so that an export does not push those in use out of memory. */
  private viewOf<V>(
    identifier: FragmentId,
    row: FragmentRow['row'],
    shard: Shard,
    view: ViewIn<V>,
  ): V | undefined {
    const fragment = decodeFragment(identifier, row, this.scratch, null)
    const viewed = view(fragment, { arena: this.scratch, chunks: shard.memory.chunks })
    release(fragment, this.scratch)
    return viewed
  }
}

/** What is seen of a fragment; undefined where it is passed over. */
type ViewIn<V> = (fragment: Fragment, ground: Reading) => V | undefined

type Reading = Pick<Ground, 'arena' | 'chunks'>

function viewIn(fragment: Fragment, ground: Reading): ProfileView | undefined {
  return isEmpty(fragment) ? undefined : viewOf(fragment, ground)
}
