import type { Ground } from './evolve.ts'
import { type Fragment, release } from './fragment.ts'
import { forget } from './registers.ts'

/** Removes all facts of a fragment, the sealed ones included, and their share of the digest. */
export function clearFacts(fragment: Fragment, ground: Ground): void {
  const { identifier, open, sealed, traits, links, consents } = fragment
  forgetEntries(open.bytes(ground.arena), ground)
  release(fragment, ground.arena)
  for (let number = 0; number < (sealed?.chunks ?? 0); number++) {
    if (sealed) forgetEntries(sealed.entriesIn(identifier, number, ground.chunks), ground)
    ground.chunks.remove(identifier, number)
  }
  forget('traits', identifier, traits, ground.digest)
  forget('links', identifier, links, ground.digest)
  forget('consents', identifier, consents, ground.digest)
  fragment.sealed = null
  fragment.traits = null
  fragment.links = null
  fragment.consents = null
  fragment.features = null
  fragment.lead = 0
  fragment.bornAt = -1
}

function forgetEntries(entries: Uint8Array, { digest }: Ground): void {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength)
  for (let at = 0; at < entries.length; ) {
    const end = at + view.getUint32(at, true)
    digest.remove(entries, at + 8, end)
    at = end
  }
}
