import { type Identifier, shardOf } from '@halfsecond/protocol'
import type { Explanation } from '../core/decision/explanation.ts'
import type { ProfileView } from '../core/profile-view.ts'

/** What people ask about visitors. Whoever holds the shard answers. */
export type ReadRequest =
  | { readonly what: 'profile'; readonly identifier: Identifier }
  | {
      readonly what: 'why'
      readonly identifier: Identifier
      /** Undefined: each of the playbook's by itself. */
      readonly placements?: readonly string[] | undefined
    }
  | { readonly what: 'export'; readonly shard: number }

/** What a node knows by itself. Rejects with `MOVED` for a shard that it does not hold. */
export interface Reader {
  profile(identifier: Identifier): Promise<ProfileView | undefined>
  explain(
    identifiers: readonly Identifier[],
    placements?: readonly string[],
  ): Promise<readonly Explanation[]>
  profilesOf(shard: number): AsyncIterable<ProfileView>
}

/** Characters handed over at once: one small write per profile would cost more than the profile. */
const chunkChars = 64 * 1024

/**
 * What a node knows by itself, as JSON text in UTF-8: a profile, or nothing where nothing is known;
 * a list of explanations; or a line for each profile of a shard.
 */
export async function* answerOf(request: ReadRequest, reader: Reader): AsyncGenerator<Uint8Array> {
  switch (request.what) {
    case 'profile': {
      const profile = await reader.profile(request.identifier)
      if (profile) yield bytesOf(JSON.stringify(profile))
      return
    }
    case 'why':
      yield bytesOf(JSON.stringify(await reader.explain([request.identifier], request.placements)))
      return
    case 'export':
      yield* linesOf(reader.profilesOf(request.shard))
  }
}

/** The shard that a request is about. */
export function shardIn(request: ReadRequest, shards: number): number {
  return request.what === 'export' ? request.shard : shardOf(request.identifier, shards)
}

async function* linesOf(profiles: AsyncIterable<ProfileView>): AsyncGenerator<Uint8Array> {
  let chunk = ''
  for await (const profile of profiles) {
    chunk += `${JSON.stringify(profile)}\n`
    if (chunk.length < chunkChars) continue
    yield bytesOf(chunk)
    chunk = ''
  }
  if (chunk !== '') yield bytesOf(chunk)
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text)
}
