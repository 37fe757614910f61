import type { FragmentId } from '@halfsecond/protocol'
import { clearFacts } from '../fragment/clear-facts.ts'
import type { Ground } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import type { IdentityGround } from './identity-ground.ts'
import { forgetMention } from './mentions.ts'
import { nameHash } from './name-hash.ts'
import { revise } from './revise.ts'
import type { Erasure, Ties } from './ties.ts'
import { tiesOf } from './ties-of.ts'

/** Erasing also takes the facts themselves. */
export interface EraseGround extends IdentityGround {
  readonly facts: Ground
}

export interface Erase {
  readonly eraseId: string
  /** Links that are younger do not spread it. */
  readonly at: number
  /** From whom it was spread; null at the origin. */
  readonly back: FragmentId | null
  /** Only where the fragment itself is linked to `back` since then. */
  readonly check: boolean
  /** When the log took this record: nothing up to then comes back. */
  readonly timestamp: number
}

/**
 * Erases a fragment, and all that it is linked to; whoever only mentions it forgets its name.
 * Messages that take back what was handed up go out before those that spread it, so that no home
 * keeps a copy.
 * @returns whether anything changed
 */
export function erase(
  fragment: Fragment,
  { eraseId, at, back, check, timestamp }: Erase,
  ground: EraseGround,
): boolean {
  const ties = tiesOf(fragment)
  const id = fragment.identifier
  const known = ties.tomb?.erasures.has(eraseId) === true
  const isAsked = !check || (back !== null && isLinkedSince(ties, back, at))
  if (known || !isAsked) {
    if (back === null) return false
    const hasForgotten = forgetMention(fragment, ties, back, at, ground)
    ground.send({ kind: 'erased', from: id, to: back, eraseId })
    return hasForgotten
  }
  const upwards = [...ties.links]
    .filter(([to, { state, since }]) => to !== back && state === 'valid' && since <= at)
    .map(([to]) => to)
  const linked = [...ties.below]
    .filter(([, { since }]) => since !== null && since <= at)
    .map(([from]) => from)
  const downwards = new Set(
    [...linked, ...(ties.mentionedBy ?? [])].filter((from) => from !== back),
  )
  clearFacts(fragment, ground.facts)
  // That it left them would tell who it was.
  fragment.segments = null
  ties.links.clear()
  ties.forgotten = null
  const erasure: Erasure = {
    at,
    back,
    wait: new Set([...upwards, ...downwards]),
    told: new Set([...upwards, ...downwards].map(nameHash)),
    doneAt: 0,
  }
  if (back !== null) erasure.told.add(nameHash(back))
  ties.tomb ??= { at: 0, erasures: new Map() }
  // Where this log's clock is behind that of the origin, what is older than the erase is so here too.
  ties.tomb.at = Math.max(ties.tomb.at, timestamp, at)
  ties.tomb.erasures.set(eraseId, erasure)
  revise(fragment, true, ground)
  for (const to of upwards) ground.send({ kind: 'erase', from: id, to, eraseId, at, check: false })
  for (const to of downwards) ground.send({ kind: 'erase', from: id, to, eraseId, at, check: true })
  ground.tell({ kind: 'erased', root: id, members: [], to: null })
  if (erasure.wait.size === 0) finish(id, eraseId, erasure, timestamp, ground)
  return true
}

function isLinkedSince(ties: Ties, to: FragmentId, at: number): boolean {
  const link = ties.links.get(to)
  return link?.state === 'valid' && link.since <= at
}

/** An edge that became known after the erase, of a link that is older: the erase reaches it too. */
export function spreadTo(
  fragment: Fragment,
  ties: Ties,
  from: FragmentId,
  since: number,
  ground: EraseGround,
): void {
  for (const [eraseId, erasure] of ties.tomb?.erasures ?? []) {
    if (since > erasure.at || erasure.told.has(nameHash(from))) continue
    erasure.told.add(nameHash(from))
    erasure.wait.add(from)
    const { at } = erasure
    const message = { kind: 'erase', from: fragment.identifier, to: from, eraseId, at } as const
    ground.send({ ...message, check: true })
  }
}

/** Somebody that an erase was spread to is done with it. */
export function erased(
  fragment: Fragment,
  ties: Ties,
  eraseId: string,
  from: FragmentId,
  timestamp: number,
  ground: EraseGround,
): boolean {
  const erasure = ties.tomb?.erasures.get(eraseId)
  if (erasure === undefined || !erasure.wait.delete(from)) return false
  // Whoever was not linked then may be told only later that it was: then it is asked again.
  erasure.told.delete(nameHash(from))
  if (erasure.wait.size === 0) finish(fragment.identifier, eraseId, erasure, timestamp, ground)
  return true
}

function finish(
  id: FragmentId,
  eraseId: string,
  erasure: Erasure,
  timestamp: number,
  ground: EraseGround,
): void {
  if (erasure.doneAt === 0) erasure.doneAt = timestamp
  if (erasure.back === null) return
  ground.send({ kind: 'erased', from: id, to: erasure.back, eraseId })
  erasure.back = null
}
