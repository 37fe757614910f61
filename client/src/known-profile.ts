import {
  bounds,
  type Freshness,
  HalfsecondError,
  type Identifier,
  type KnownTrait,
  type Position,
} from '@halfsecond/protocol'
import type { Inquiry } from './inquiry.ts'

/** What is known of a visitor, of what a channel may read. */
export interface KnownProfile {
  /** Those of the traits asked for that have a value. */
  readonly traits: { readonly [name: string]: KnownTrait }
  readonly freshness: Freshness
}

/**
 * Reads traits of a visitor for a channel.
 * Rejects with `FORBIDDEN`, `INVALID`, `UNAVAILABLE`, `TIMEOUT` or `CLOSED`, by the deadline.
 */
export async function knownProfile(
  inquiry: Inquiry,
  channel: string | undefined,
  identifiers: readonly Identifier[],
  imported: readonly Position[],
  traits: readonly string[],
  deadlineMs: number,
): Promise<KnownProfile> {
  if (channel === undefined)
    throw new HalfsecondError(
      'FORBIDDEN',
      'the playbook lets channels read traits, and this client has none: give `connect` a channel',
    )
  if (traits.length === 0 || traits.length > bounds.traitsPerRecord)
    throw new HalfsecondError('INVALID', `name 1 to ${bounds.traitsPerRecord} traits`)
  const wish = { kind: 'profile' as const, channel, traits }
  const answer = await inquiry.ask(wish, identifiers, imported, deadlineMs)
  if (answer instanceof HalfsecondError) throw answer
  if (answer.kind !== 'profile')
    throw new HalfsecondError('MALFORMED', 'an answer to another question')
  return { traits: answer.traits, freshness: answer.freshness }
}
