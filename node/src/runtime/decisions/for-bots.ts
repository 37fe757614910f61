import {
  type DecideAnswer,
  type DecideQuestion,
  type Namespaces,
  type PlacementAnswer,
  type PlacementError,
  shardOf,
} from '@halfsecond/protocol'
import { defaultContent } from '../../core/decision/decide.ts'
import type { Playbook } from '../../core/decision/playbook.ts'
import type { Shard } from '../shards/shard.ts'
import { unknownPlacement } from './answerer.ts'
import { hold, positionOf } from './held-shards.ts'
import { keyOf } from './walk.ts'

export interface ForBotsDependencies {
  /** The shards that this node holds, by number. */
  readonly shards: readonly (Shard | undefined)[]
  readonly namespaces: () => Namespaces
  /** What a shard decides by. @throws HalfsecondError `UNAVAILABLE` without a playbook */
  readonly playbookOf: (shard: Shard) => { readonly version: number; readonly playbook: Playbook }
}

/**
 * What a bot is shown: default content without a token. Nobody is looked up for it, so no actor comes
 * to memory, and nothing of it is logged, reserved or counted.
 * @throws HalfsecondError where this node does not answer for the home of the question's key
 */
export function answerBot(question: DecideQuestion, uses: ForBotsDependencies): DecideAnswer {
  const { shards, namespaces, playbookOf } = uses
  const shard = hold(shards, shardOf(keyOf(question, namespaces()), shards.length))
  const { version, playbook } = playbookOf(shard)
  return {
    kind: 'decision',
    decision: question.decision,
    playbook: version,
    freshness: shard.isFresh ? 'fresh' : 'stale',
    position: positionOf(shard),
    placements: question.placements.map((name) => defaultAt(name, playbook, version)),
  }
}

function defaultAt(
  name: string,
  { placements }: Playbook,
  version: number,
): PlacementAnswer | PlacementError {
  const placement = placements.get(name)
  if (placement === undefined) return unknownPlacement(name, version)
  const { reason, propositions } = defaultContent(placement, 'fallback')
  return { placement: name, reason, propositions }
}
