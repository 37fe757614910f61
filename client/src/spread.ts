import {
  decodeAnswers,
  encode,
  type Identifier,
  type Position,
  spreadMs,
  toWire,
  wireVersion,
} from '@halfsecond/protocol'
import type { MapFollower } from './map-follower.ts'
import type { Transport } from './transport.ts'

/** What became of an acceptance. */
export interface Accepted {
  readonly position: Position
  /**
   * Whether every channel's next decision for this person is known to reflect it, whatever they are
   * known by there. Where it is false that follows before long, and a visitor made with the position
   * does not have to wait for it.
   */
  readonly isEverywhere: boolean
}

/**
 * Asks the primary of the key's shard whether a record counts everywhere. Takes half a second at most,
 * and never rejects: what is not known is no.
 */
export async function isEverywhere(
  key: Identifier,
  position: Position,
  transport: Transport,
  map: MapFollower,
): Promise<boolean> {
  const primary = map.isKnown ? map.entryOf(map.shardOf(key))?.primary : undefined
  if (primary === undefined || primary === '') return false
  const question = { kind: 'spread', key, at: key, position: toWire(position), deadline: spreadMs }
  try {
    const frame = encode({ v: wireVersion, questions: [question] })
    const [answer] = decodeAnswers(await transport.ask(primary, frame, spreadMs)).answers
    return answer?.kind === 'spread' && answer.isEverywhere
  } catch {
    return false
  }
}
