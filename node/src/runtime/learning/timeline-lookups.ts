import { framed } from '../../core/learning/joined.ts'
import { pastInSteps, storedPast } from '../../core/learning/past-timeline.ts'
import type { AskedTimeline } from './asked-timelines.ts'
import type { HeldFragments } from './held-fragments.ts'
import { inPieces } from './in-pieces.ts'

/** Bytes of answers that go together. */
const pieceBytes = 64 * 1024

/** Tells what fragments were at times of the past, where their shards are held. */
export class TimelineLookups {
  private readonly held: HeldFragments

  constructor(held: HeldFragments) {
    this.held = held
  }

  /**
   * Of each, in order, a frame: the fragment at that time as `storedPast` gives it, or null where
   * there is none, or it was erased since. Rejects with `MOVED` where the shard is not here, or no
   * longer.
   */
  find(shard: number, asked: readonly AskedTimeline[]): AsyncGenerator<Uint8Array> {
    return inPieces(this.frames(shard, asked), pieceBytes)
  }

  private async *frames(
    number: number,
    asked: readonly AskedTimeline[],
  ): AsyncGenerator<Uint8Array> {
    for (const { id, at } of asked) {
      const shard = this.held.shard(number)
      const erasedAt = this.held.see(shard, id, ({ ties }) => ties?.tomb?.at) ?? -1
      const past =
        erasedAt >= at
          ? undefined
          : await this.held.steps(shard, id, (fragment, ground) =>
              pastInSteps(fragment, ground, at),
            )
      yield framed(past === undefined ? null : storedPast(past))
    }
  }
}
