import { type FragmentId, fragmentIdOf, HalfsecondError } from '@halfsecond/protocol'
import { Arena } from '../../core/fragment/arena.ts'
import type { Ground } from '../../core/fragment/evolve.ts'
import { type Fragment, release } from '../../core/fragment/fragment.ts'
import { decodeFragment } from '../../core/fragment/fragment-row.ts'
import { isSame, type Version } from '../../core/identity/ties.ts'
import { framed, type JoinedOutcome, storedOutcomes } from '../../core/learning/joined.ts'
import { indexInSteps, type OutcomeIndex } from '../../core/learning/outcome-index.ts'
import type { Clock, Store } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { SharedTurn } from '../shared-turn.ts'
import type { AskedDecision } from './asked-decisions.ts'
import { inPieces } from './in-pieces.ts'

/** A turn of the loop: with a step that begins just before its end, still below 4 ms. */
const turnMs = 2

/** Bytes of answers that go together. */
const pieceBytes = 16 * 1024

/**
 * Outcomes, and timelines, that are remembered: some 30 MB at the most. Only long timelines are, for
 * a short one is as quickly read again.
 */
const rememberedMax = 100_000

/** An outcome may be earlier than its decision, by what servers' clocks differ. */
const slackMs = 10 * 60_000

export interface OutcomeLookupsDependencies {
  /** By number; undefined for those that other nodes hold. */
  readonly shards: readonly (Shard | undefined)[]
  readonly store: Pick<Store, 'shard'>
  readonly clock: Clock
}

/** Of one fragment as it was at a version. */
interface Remembered {
  readonly shard: Shard
  readonly version: Version
  /** Nothing earlier is in it. */
  readonly from: number
  readonly index: OutcomeIndex
}

/**
 * Finds what was told of decisions, where the shard of their key is held. An outcome stands under
 * the key of its decision: so all of them are in that one fragment or, of a device that changed
 * hands, in its epochs.
 */
export class OutcomeLookups {
  private readonly uses: OutcomeLookupsDependencies
  /** Memory for rows that are only looked at. */
  private readonly scratch = new Arena()
  /** The one that was used last stands last. */
  private readonly remembered = new Map<FragmentId, Remembered>()
  private size = 0
  private readonly turn: SharedTurn

  constructor(uses: OutcomeLookupsDependencies) {
    this.uses = uses
    this.turn = new SharedTurn(uses.clock, turnMs)
  }

  /**
   * Of each decision, in order, a frame: its outcomes, or null where whoever it was about was erased
   * since. Rejects with `MOVED` where the shard is not here, or no longer.
   */
  find(shard: number, asked: readonly AskedDecision[]): AsyncGenerator<Uint8Array> {
    return inPieces(this.frames(shard, asked), pieceBytes)
  }

  private async *frames(
    shard: number,
    asked: readonly AskedDecision[],
  ): AsyncGenerator<Uint8Array> {
    for (const one of asked) {
      const outcomes = await this.outcomesOf(this.held(shard), one)
      yield framed(outcomes === undefined ? null : storedOutcomes(outcomes))
    }
  }

  private async outcomesOf(
    shard: Shard,
    { key, at, decision }: AskedDecision,
  ): Promise<readonly JoinedOutcome[] | undefined> {
    const found: JoinedOutcome[] = []
    const epochs = this.see(shard, key, ({ device }) => device?.epochs.length ?? 1) ?? 0
    for (let epoch = 0; epoch < epochs; epoch++) {
      const id = fragmentIdOf(key, epoch)
      const tombAt = this.see(shard, id, ({ ties }) => ties?.tomb?.at) ?? -1
      if (tombAt >= at) return undefined
      const index = await this.indexOf(shard, id, at - slackMs)
      found.push(...(index?.get(decision) ?? []))
    }
    return epochs > 1 ? found.sort((a, b) => a.at - b.at) : found
  }

  private async indexOf(
    shard: Shard,
    id: FragmentId,
    from: number,
  ): Promise<OutcomeIndex | undefined> {
    const version = this.see(shard, id, ({ sequence, index }) => ({ sequence, index }))
    if (version === undefined) return undefined
    const known = this.remembered.get(id)
    if (known?.shard === shard && isSame(known.version, version) && known.from <= from) {
      this.remembered.delete(id)
      this.remembered.set(id, known)
      await this.turn.giveWay()
      return known.index
    }
    const { isLong, index } = await this.read(shard, id, from)
    if (isLong) this.remember(id, { shard, version, from, index })
    return index
  }

  private async read(
    shard: Shard,
    id: FragmentId,
    from: number,
  ): Promise<{ readonly isLong: boolean; readonly index: OutcomeIndex }> {
    const begun = this.see(shard, id, (fragment, ground) => {
      const steps = indexInSteps(fragment, ground, from)
      // The first step reads what may change or leave memory; all others read sealed rows.
      return { isLong: fragment.sealed !== null, steps, first: steps.next() }
    })
    if (begun === undefined) return { isLong: false, index: new Map() }
    const { isLong, steps } = begun
    for (let step = begun.first; ; step = steps.next()) {
      await this.turn.giveWay()
      if (step.done === true) return { isLong, index: step.value }
      this.held(shard.number, shard)
    }
  }

  private remember(id: FragmentId, one: Remembered): void {
    const before = this.remembered.get(id)
    if (before !== undefined) this.forget(id, before)
    this.remembered.set(id, one)
    this.size += sizeOf(one)
    for (const [oldest, other] of this.remembered) {
      if (this.size <= rememberedMax) break
      this.forget(oldest, other)
    }
  }

  private forget(id: FragmentId, one: Remembered): void {
    this.remembered.delete(id)
    this.size -= sizeOf(one)
  }

  /**
   * Looks at a fragment where it is: read apart from the actors where it is not one of them, so that
   * whoever is asked about long ago does not push those in use out of memory.
   */
  private see<V>(
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

  private held(number: number, before?: Shard): Shard {
    const shard = this.uses.shards[number]
    if (shard !== undefined && (before === undefined || before === shard)) return shard
    throw new HalfsecondError('MOVED', `this node does not hold shard ${number}`)
  }
}

type Reading = Pick<Ground, 'arena' | 'chunks'>

/** The timeline itself counts too: a million of them without outcomes are not free. */
function sizeOf({ index }: Remembered): number {
  let size = 4
  for (const outcomes of index.values()) size += outcomes.length
  return size
}
