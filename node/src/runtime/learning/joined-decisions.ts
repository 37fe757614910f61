import { fnv1a32, shardOf } from '@halfsecond/protocol'
import { headOf, readDecision } from '../../core/decision/logged-decision.ts'
import { type JoinedDecision, outcomesIn } from '../../core/learning/joined.ts'
import { Singles } from '../../core/learning/singles.ts'
import { type Clock, type Decisions, decisionPartitions } from '../ports.ts'
import { askShard } from './ask-shard.ts'
import { type AskedDecision, askedMax, encodeAsked } from './asked-decisions.ts'
import { JoinedPasts, type JoinedPastsDependencies } from './joined-pasts.ts'

/** Entries looked at between two turns of others: about a millisecond. */
const turnEntries = 128

/** Decisions asked about at once where timelines are wanted too: 8 MB where all of them are long. */
const withTimelinesMax = 64

/** Which decisions. */
export interface JoinedRange {
  /** They were logged, within a second of being made, from then to then, in milliseconds since 1970. */
  readonly from: number
  readonly to: number
  /** Only those that were asked for something at one of these; undefined: all. */
  readonly placements?: readonly string[] | undefined
  /** Only those about keys at home in this shard; undefined: all. */
  readonly shard?: number | undefined
  /** Only one of so many, by chance: a power of two. Which follows from the decision's id. */
  readonly oneOf?: number
  /** Also what was known of whom they were about, as far as it is stored. */
  readonly timelines?: boolean | undefined
}

export interface JoinedDecisionsDependencies extends JoinedPastsDependencies {
  readonly decisions: Pick<Decisions, 'find'>
  readonly clock: Clock
}

interface Asked extends AskedDecision {
  readonly entry: Uint8Array
  readonly shard: number
}

/**
 * Decisions of the past with what became of them. The log of decisions is read once, whichever node
 * is asked; what became of them is asked of those who hold the shards of their keys, a few hundred
 * decisions at a time.
 *
 * Each decision comes once (see `Singles`), in the order of the log within a partition, and the
 * partitions one after the other. Whoever was erased since is left out. Reads on as fast as it is
 * read from, and holds some thousand decisions.
 */
export class JoinedDecisions {
  private readonly uses: JoinedDecisionsDependencies
  private readonly pasts: JoinedPasts

  constructor(uses: JoinedDecisionsDependencies) {
    this.uses = uses
    this.pasts = new JoinedPasts(uses)
  }

  /** Rejects with `UNAVAILABLE`, before or in the middle: then it is not complete. */
  async *read(range: JoinedRange): AsyncGenerator<JoinedDecision> {
    // The next are asked about while these are worked on.
    let joining: Promise<readonly JoinedDecision[]> | undefined
    for await (const some of this.batches(range)) {
      const next = this.join(some, range.timelines === true)
      // Whoever stops reading in between leaves it alone.
      next.catch(() => undefined)
      if (joining !== undefined) yield* await joining
      joining = next
    }
    if (joining !== undefined) yield* await joining
  }

  private async *batches(range: JoinedRange): AsyncGenerator<readonly Asked[]> {
    let batch: Asked[] = []
    const max = range.timelines === true ? withTimelinesMax : askedMax
    for await (const one of this.logged(range)) {
      batch.push(one)
      if (batch.length < max) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  }

  private async *logged(range: JoinedRange): AsyncGenerator<Asked> {
    const { decisions, clock } = this.uses
    let looked = 0
    for (let partition = 0; partition < decisionPartitions; partition++) {
      // The partition of a key follows from its shard: see `partitionOf`.
      if (range.shard !== undefined && range.shard % decisionPartitions !== partition) continue
      const singles = new Singles<Asked>()
      for await (const entry of decisions.find(partition, range.from, range.to)) {
        if (++looked % turnEntries === 0) await new Promise<void>((done) => clock.soon(done))
        const asked = this.wanted(entry, range)
        const single = asked && singles.next(asked)
        if (single) yield single
      }
      yield* singles.rest()
    }
  }

  /** Undefined for what is not asked for, and what cannot be read. */
  private wanted(
    entry: Uint8Array,
    { placements, shard: asked, oneOf = 1 }: Omit<JoinedRange, 'from' | 'to'>,
  ): Asked | undefined {
    const head = headOf(entry)
    if (head === undefined) return undefined
    const { decision, key, at } = head
    const shard = shardOf(key, this.uses.shards)
    if (asked !== undefined && asked !== shard) return undefined
    // The decision log itself keeps a share by the other end of the same number.
    if (oneOf > 1 && fnv1a32(decision) % oneOf !== 0) return undefined
    if (placements !== undefined && !isAtAny(entry, placements)) return undefined
    return { entry, shard, decision, key, at }
  }

  private async join(
    asked: readonly Asked[],
    isWithTimelines: boolean,
  ): Promise<readonly JoinedDecision[]> {
    const found = new Map<Asked, JoinedDecision>()
    await Promise.all(
      Array.from(
        Map.groupBy(asked, ({ shard }) => shard),
        async ([shard, some]) => {
          const request = { what: 'outcomes', shard, asked: encodeAsked(some) } as const
          // Null where somebody was erased.
          const answers = await askShard(this.uses, request, some.length)
          some.forEach((one, i) => {
            const answer = answers[i] ?? null
            if (answer !== null) found.set(one, { entry: one.entry, outcomes: outcomesIn(answer) })
          })
        },
      ),
    )
    const joined = asked.flatMap((one) => found.get(one) ?? [])
    return isWithTimelines ? this.pasts.add(joined) : joined
  }
}

/** Looking for the names' bytes first is far cheaper than decoding what was decided elsewhere. */
function isAtAny(entry: Uint8Array, placements: readonly string[]): boolean {
  const bytes = Buffer.from(entry.buffer, entry.byteOffset, entry.length)
  if (!placements.some((placement) => bytes.includes(placement))) return false
  return readDecision(entry).choices.some(({ placement }) => placements.includes(placement))
}
