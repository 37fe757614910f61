import { type FragmentId, type Identifier, identifierIn, shardOf } from '@halfsecond/protocol'
import type { Explanation } from '../core/decision/explanation.ts'
import type { ConflictView } from '../core/person/conflicts.ts'
import type { HeadView } from '../core/person/head-view.ts'
import type { ProfileView, SourceView } from '../core/profile-view.ts'
import type { TrialRead } from './decisions/playbook-trials.ts'
import type { ExperimentRead } from './experiments/experiment-messages.ts'
import type { IdentityRead } from './identity/identity-reads.ts'
import { type Pulse, pulse } from './identity/pulse.ts'
import type { OutcomesRead } from './learning/asked-decisions.ts'
import type { TimelinesRead } from './learning/asked-timelines.ts'

/** What people ask about visitors. Whoever holds the shard answers. */
export type ReadRequest =
  | {
      readonly what: 'profile'
      readonly identifier: FragmentId
      /** So many entries of its timeline, the newest; undefined: all. */
      readonly newest?: number | undefined
    }
  | { readonly what: 'head'; readonly identifier: FragmentId }
  | {
      readonly what: 'why'
      readonly identifier: Identifier
      /** Undefined: each of the playbook's by itself. */
      readonly placements?: readonly string[] | undefined
    }
  | { readonly what: 'export'; readonly shard: number }
  | { readonly what: 'conflicts'; readonly shard: number }
  /** What a source has said of the fragments of a shard. */
  | { readonly what: 'source'; readonly shard: number; readonly source: string }
  /** What a shard has learnt from outcomes. */
  | { readonly what: 'statistics'; readonly shard: number }
  | IdentityRead
  | TrialRead
  | OutcomesRead
  | TimelinesRead
  | ExperimentRead

/** What a node knows by itself. Rejects with `MOVED` for a shard that it does not hold. */
export interface Reader {
  profile(identifier: FragmentId, newest?: number): Promise<ProfileView | undefined>
  head(identifier: FragmentId): Promise<HeadView | undefined>
  explain(
    identifiers: readonly Identifier[],
    placements?: readonly string[],
  ): Promise<readonly Explanation[]>
  profilesOf(shard: number): AsyncIterable<ProfileView>
  conflictsOf(shard: number): AsyncIterable<ConflictView>
  traitsOf(shard: number, source: string): AsyncIterable<SourceView>
  recognition(request: IdentityRead): AsyncIterable<object | Pulse>
  /** First where the shard is, then each cell. */
  statisticsOf(shard: number): AsyncIterable<object>
  playbookTrial(request: TrialRead): AsyncIterable<object | Pulse>
  readonly learning: {
    /** Frames, as `OutcomeLookups` gives them. */
    outcomes(request: OutcomesRead): AsyncIterable<Uint8Array>
    /** Frames, as `TimelineLookups` gives them. */
    timelines(request: TimelinesRead): AsyncIterable<Uint8Array>
  }
  readonly experiments: { read(request: ExperimentRead): AsyncIterable<object | Pulse> }
}

/** Characters handed over at once: one small write per profile would cost more than the profile. */
const chunkChars = 64 * 1024

/**
 * What a node knows by itself, as JSON text in UTF-8: a fragment or its head, or nothing where
 * nothing is known; a list of explanations; or a line for each fragment or conflict of a shard.
 * Outcomes and timelines are frames of MessagePack.
 */
export async function* answerOf(request: ReadRequest, reader: Reader): AsyncGenerator<Uint8Array> {
  switch (request.what) {
    case 'profile': {
      const profile = await reader.profile(request.identifier, request.newest)
      if (profile) yield* textOf(profile)
      return
    }
    case 'head': {
      const head = await reader.head(request.identifier)
      if (head) yield bytesOf(JSON.stringify(head))
      return
    }
    case 'why':
      yield bytesOf(JSON.stringify(await reader.explain([request.identifier], request.placements)))
      return
    case 'export':
      yield* linesOf(reader.profilesOf(request.shard))
      return
    case 'conflicts':
      yield* linesOf(reader.conflictsOf(request.shard))
      return
    case 'source':
      yield* linesOf(reader.traitsOf(request.shard, request.source))
      return
    case 'statistics':
      yield* linesOf(reader.statisticsOf(request.shard))
      return
    case 'playbookTrial':
      yield* linesOf(reader.playbookTrial(request))
      return
    case 'outcomes':
      yield* reader.learning.outcomes(request)
      return
    case 'timelines':
      yield* reader.learning.timelines(request)
      return
    case 'experimentSums':
    case 'experimentFacts':
      yield* linesOf(reader.experiments.read(request))
      return
    default:
      yield* linesOf(reader.recognition(request))
  }
}

/** Whether only the node that leads the shard can do it. */
export function needsLead({ what }: ReadRequest): boolean {
  return what === 'identityJudge'
}

/** The shard that a request is about. */
export function shardIn(request: ReadRequest, shards: number): number {
  return 'shard' in request ? request.shard : shardOf(identifierIn(request.identifier), shards)
}

/** A line of JSON for each; nothing but a line's end for a sign of life. */
export async function* linesOf(views: AsyncIterable<object | Pulse>): AsyncGenerator<Uint8Array> {
  let chunk = ''
  for await (const view of views) {
    if (view === pulse) {
      yield bytesOf(`${chunk}\n`)
      chunk = ''
      continue
    }
    chunk += `${JSON.stringify(view)}\n`
    if (chunk.length < chunkChars) continue
    yield bytesOf(chunk)
    chunk = ''
  }
  if (chunk !== '') yield bytesOf(chunk)
}

/** Entries made text at once. */
const entriesAtOnce = 512

/** A profile, in pieces: whoever reads it may do something else in between. */
function* textOf({ timeline, sessions, ...facts }: ProfileView): Generator<Uint8Array> {
  let piece = `${JSON.stringify(facts).slice(0, -1)},"timeline":[`
  for (let i = 0; i < timeline.length; i += entriesAtOnce) {
    const list = JSON.stringify(timeline.slice(i, i + entriesAtOnce))
    piece += `${i === 0 ? '' : ','}${list.slice(1, -1)}`
    if (piece.length < chunkChars) continue
    yield bytesOf(piece)
    piece = ''
  }
  yield bytesOf(`${piece}],"sessions":${JSON.stringify(sessions)}}`)
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text)
}
