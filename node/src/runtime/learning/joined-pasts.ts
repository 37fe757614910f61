import { identifierIn, shardOf } from '@halfsecond/protocol'
import { headOf, type LoggedMember } from '../../core/decision/logged-decision.ts'
import { type JoinedDecision, pastsBytesMax } from '../../core/learning/joined.ts'
import { emptyPast, type PastTimeline, pastIn } from '../../core/learning/past-timeline.ts'
import { type AskShardDependencies, askShard } from './ask-shard.ts'
import { type AskedTimeline, askedTimelinesMax, encodeAskedTimelines } from './asked-timelines.ts'

export interface JoinedPastsDependencies extends AskShardDependencies {
  readonly shards: number
}

interface Wanted extends AskedTimeline {
  readonly shard: number
  past: PastTimeline | undefined
}

/** Adds to decisions what their members were then, asked of those who hold their shards. */
export class JoinedPasts {
  private readonly uses: JoinedPastsDependencies

  constructor(uses: JoinedPastsDependencies) {
    this.uses = uses
  }

  /** Rejects with `UNAVAILABLE`. */
  async add(decisions: readonly JoinedDecision[]): Promise<readonly JoinedDecision[]> {
    const wanted = decisions.map(({ entry }) => {
      const head = headOf(entry)
      return head?.members.map((member) => this.wantedOf(member, head.at)) ?? []
    })
    const byShard = Map.groupBy(wanted.flat(), ({ shard }) => shard)
    await Promise.all(Array.from(byShard, ([shard, some]) => this.ask(shard, some)))
    return decisions.map((one, i) => ({ ...one, pasts: withinBounds(wanted[i] ?? []) }))
  }

  private wantedOf({ id, version }: LoggedMember, at: number): Wanted {
    // Of whom the log had nothing yet, there is nothing to know.
    const past = version.sequence === 0 ? emptyPast : undefined
    return { id, at, shard: shardOf(identifierIn(id), this.uses.shards), past }
  }

  private async ask(shard: number, wanted: readonly Wanted[]): Promise<void> {
    for (let start = 0; start < wanted.length; start += askedTimelinesMax) {
      const some = wanted.slice(start, start + askedTimelinesMax)
      const request = { what: 'timelines', shard, asked: encodeAskedTimelines(some) } as const
      const answers = await askShard(this.uses, request, some.length)
      some.forEach((one, i) => {
        const answer = answers[i] ?? null
        if (answer !== null) one.past = pastIn(answer)
      })
    }
  }
}

/** What is not the whole past of a person is told as far as there is room, in the order of members. */
function withinBounds(wanted: readonly Wanted[]): readonly (PastTimeline | undefined)[] {
  let left = pastsBytesMax
  return wanted.map(({ past }) => {
    if (past === undefined || past.entries.length > left) return undefined
    left -= past.entries.length
    return past
  })
}
