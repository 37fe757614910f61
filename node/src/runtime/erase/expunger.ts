import { HalfsecondError, type Namespaces } from '@halfsecond/protocol'
import type { ClusterMap, NodeReport } from '../../core/cluster/cluster-map.ts'
import { trimFloor } from '../../core/cluster/trim-floor.ts'
import type { DecisionLog } from '../decisions/decision-log.ts'
import type { Clock, Decisions, Erased, Log, Observer, Signals, Store } from '../ports.ts'
import type { Checkpointer } from '../shards/checkpointer.ts'
import type { Primary } from '../shards/primary.ts'
import type { Shard } from '../shards/shard.ts'
import {
  type EraseRequest,
  encodeMarks,
  encodeShards,
  encodeUnsent,
  type Marks,
} from './erase-messages.ts'
import { removeErasedDecisions } from './erased-decisions.ts'
import { removeErasedLetters } from './erased-letters.ts'
import { removeErasedSignals } from './erased-signals.ts'
import { readTombstoneKey } from './tombstone-key.ts'
import type { Watermark } from './watermark.ts'

/**
 * How long replicas may take to have on disk what the log is trimmed by; then all of them are asked
 * again, for one that began to hold the shard meanwhile writes nothing by itself that is not worth it.
 */
const flushedMs = 2_000
const lookMs = 100

export interface ExpungerDependencies {
  readonly map: () => ClusterMap | undefined
  readonly reports: () => ReadonlyMap<string, NodeReport>
  readonly leaders: () => readonly Primary[]
  /** Shards that this node holds. */
  readonly shards: readonly Shard[]
  readonly checkpointer: Checkpointer
  readonly log: Log
  readonly store: Store
  readonly erased: Erased
  readonly signals: Signals
  readonly decisions: Decisions
  readonly decisionLog: Pick<DecisionLog, 'flush'>
  readonly watermark: Watermark
  readonly clock: Clock
  readonly observer: Observer
  readonly namespaces: () => Namespaces
  readonly hash: (text: string) => string
}

/**
 * This node's part in getting what was erased out of all files: see `ExpungeJob` for the order.
 *
 * X1 a log is trimmed up to an entry only once every replica of the map has it on disk.
 */
export class Expunger {
  private readonly uses: ExpungerDependencies

  constructor(uses: ExpungerDependencies) {
    this.uses = uses
  }

  /** Answers a request of a node, this one included. Rejects with `UNAVAILABLE`. */
  async answer(request: EraseRequest): Promise<Uint8Array> {
    switch (request.op) {
      case 'unsent':
        return encodeUnsent(this.uses.watermark.unsent())
      case 'expunge.mark':
        return encodeMarks(await this.mark(request.fill))
      case 'expunge.trim':
        return encodeShards(await this.trim(request.marks))
      case 'expunge.compact':
        await this.compact()
        return encodeShards([])
    }
  }

  /** @param fill only these, with enough for a file of the log; null: all, with one entry */
  private async mark(fill: readonly number[] | null): Promise<Marks> {
    const { leaders, log, decisionLog } = this.uses
    // What waits in memory would be written after the decisions of the erased are removed.
    await decisionLog.flush()
    const marks = new Map<number, number>()
    for (const primary of leaders()) {
      const { number } = primary
      if (fill !== null && !fill.includes(number)) continue
      marks.set(number, await primary.mark(fill === null ? 0 : log.fileBytes))
    }
    return marks
  }

  /** Resolves with the shards of which files still hold what was trimmed. */
  private async trim(marks: Marks): Promise<readonly number[]> {
    const { shards, leaders, log } = this.uses
    await this.flush(
      shards.filter(({ number }) => marks.has(number)),
      marks,
    )
    const firsts = new Map<number, number>()
    for (const { number } of leaders()) {
      const mark = marks.get(number)
      if (mark === undefined) continue
      await this.flushedEverywhere(number, mark)
      firsts.set(number, mark + 1)
    }
    return firsts.size === 0 ? [] : log.expunge(firsts)
  }

  private async flush(shards: readonly Shard[], marks: Marks): Promise<void> {
    for (const shard of shards) {
      const isReached = await shard.reached(marks.get(shard.number) ?? 0, flushedMs)
      if (!isReached || shard.isStopped) throw behind(shard.number)
    }
    await this.uses.checkpointer.flush()
    for (const { number, flushed } of shards)
      if (flushed < (marks.get(number) ?? 0)) throw behind(number)
  }

  private async flushedEverywhere(shard: number, mark: number): Promise<void> {
    const { map, reports, clock } = this.uses
    const end = clock.monotonic() + flushedMs
    for (;;) {
      const entry = map()?.shards[shard]
      const input = { shard, reports: reports(), fullness: 0, listeningMs: 0, marginEntries: 0 }
      if (entry !== undefined && trimFloor({ ...input, entry }) >= mark) return
      if (clock.monotonic() > end) throw behind(shard)
      await new Promise<void>((resolve) => clock.after(lookMs, resolve))
    }
  }

  private async compact(): Promise<void> {
    const {
      erased,
      signals,
      decisions,
      hash,
      leaders,
      shards,
      store,
      namespaces,
      observer,
      checkpointer,
    } = this.uses
    const times = new Map<string, number>()
    for await (const { key, at, effectiveAt } of erased.since(0)) {
      const { hash: hashed } = readTombstoneKey(key)
      times.set(hashed, Math.max(at, effectiveAt, times.get(hashed) ?? 0))
    }
    const erasedAt = (identifier: string) =>
      times.get(readTombstoneKey(hash(identifier)).hash) ?? Number.NEGATIVE_INFINITY
    const isErased = (identifier: string) => erasedAt(identifier) > Number.NEGATIVE_INFINITY
    await checkpointer.flush()
    let letters = 0
    for (const { number } of shards)
      letters += await removeErasedLetters(store.shard(number), isErased, namespaces())
    // All nodes share them, or there is but one.
    const isOurs = leaders().some(({ number }) => number === 0)
    const told = isOurs ? await removeErasedSignals(signals, erasedAt) : 0
    const decided = isOurs ? await removeErasedDecisions(decisions, erasedAt) : 0
    await store.compact()
    observer.noted('info', 'files were rewritten without what was erased', {
      letters,
      told,
      decided,
    })
  }
}

function behind(shard: number): HalfsecondError {
  return new HalfsecondError(
    'UNAVAILABLE',
    `a replica of shard ${shard} does not have on disk what its log would be trimmed by; see halfsecond shard show ${shard}`,
  )
}
