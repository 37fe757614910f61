import { type FragmentId, fragmentIdOf } from '@halfsecond/protocol'
import { isSame, type Version } from '../../core/identity/ties.ts'
import { framed, type JoinedOutcome, storedOutcomes } from '../../core/learning/joined.ts'
import { indexInSteps, type OutcomeIndex } from '../../core/learning/outcome-index.ts'
import type { Shard } from '../shards/shard.ts'
import type { AskedDecision } from './asked-decisions.ts'
import type { HeldFragments } from './held-fragments.ts'
import { inPieces } from './in-pieces.ts'

/** Bytes of answers that go together. */
const pieceBytes = 16 * 1024

/**
 * Outcomes, and timelines, that are remembered: some 30 MB at the most. Only long timelines are, for
 * a short one is as quickly read again.
 */
const rememberedMax = 100_000

/** An outcome may be earlier than its decision, by what servers' clocks differ. */
const slackMs = 10 * 60_000

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
  private readonly held: HeldFragments
  /** The one that was used last stands last. */
  private readonly remembered = new Map<FragmentId, Remembered>()
  private size = 0

  constructor(held: HeldFragments) {
    this.held = held
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
      const outcomes = await this.outcomesOf(this.held.shard(shard), one)
      yield framed(outcomes === undefined ? null : storedOutcomes(outcomes))
    }
  }

  private async outcomesOf(
    shard: Shard,
    { key, at, decision }: AskedDecision,
  ): Promise<readonly JoinedOutcome[] | undefined> {
    const found: JoinedOutcome[] = []
    const epochs = this.held.see(shard, key, ({ device }) => device?.epochs.length ?? 1) ?? 0
    for (let epoch = 0; epoch < epochs; epoch++) {
      const id = fragmentIdOf(key, epoch)
      const tombAt = this.held.see(shard, id, ({ ties }) => ties?.tomb?.at) ?? -1
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
    const version = this.held.see(shard, id, ({ sequence, index }) => ({ sequence, index }))
    if (version === undefined) return undefined
    const known = this.remembered.get(id)
    if (known?.shard === shard && isSame(known.version, version) && known.from <= from) {
      this.remembered.delete(id)
      this.remembered.set(id, known)
      await this.held.turn.giveWay()
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
    let isLong = false
    const index = await this.held.steps(shard, id, (fragment, ground) => {
      isLong = fragment.sealed !== null
      return indexInSteps(fragment, ground, from)
    })
    return { isLong, index: index ?? new Map() }
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
}

/** The timeline itself counts too: a million of them without outcomes are not free. */
function sizeOf({ index }: Remembered): number {
  let size = 4
  for (const outcomes of index.values()) size += outcomes.length
  return size
}
