import { decodeTrusted, encode, type FragmentId, isFragmentId } from '@halfsecond/protocol'
import { assert } from '../assert.ts'
import type { Word } from '../fragment/registers.ts'
import type { Below, Copy, Erasure, Link, Ties, Told, Version } from './ties.ts'
import { areBlank, nobody, noTies } from './ties.ts'

/*
 * The ties of a fragment, as they stand in its row:
 *   [links, below, told, tomb, answered, members, is popular, mentions, mentioned by, forgotten]
 * The last three are absent in rows of programs that did not know them.
 * Written and read by the same program, so the form is asserted, not parsed.
 */

/** Null where there are none. */
export function storedTies(ties: Ties | null): Uint8Array | null {
  if (ties === null || areBlank(ties)) return null
  return encode([
    [...ties.links].map(([to, { since, strength, state, reason, under, isOverLimit }]) => [
      to,
      since,
      strength,
      state,
      reason,
      under,
      isOverLimit,
    ]),
    [...ties.below].map(([from, { since, also, copies }]) => [
      from,
      since,
      also,
      [...copies.values()].map(({ bytes }) => bytes),
    ]),
    [...ties.told].map(([to, { since, also, copies }]) => [
      to,
      since,
      also,
      [...copies].map(([id, { sequence, index }]) => [id, sequence, index]),
    ]),
    ties.tomb && [
      ties.tomb.at,
      [...ties.tomb.erasures].map(([eraseId, { at, back, wait, told, doneAt }]) => [
        eraseId,
        at,
        back,
        [...wait],
        [...told],
        doneAt,
      ]),
    ],
    [...(ties.answered ?? [])],
    [...ties.members],
    ties.isPopular,
    [...(ties.mentions ?? [])],
    [...(ties.mentionedBy ?? [])],
    [...(ties.forgotten ?? [])].map(([hash, { at, id }]) => [hash, at, id]),
  ])
}

/** Takes back what `storedTies` gave. */
export function restoreTies(stored: unknown, readCopy: (bytes: Uint8Array) => Copy): Ties | null {
  if (!(stored instanceof Uint8Array)) return null
  const [links, below, told, tomb, answered, members, isPopular, ...later] = list(
    decodeTrusted(stored),
  )
  const ties = noTies()
  for (const one of list(links)) {
    const [to, ...link] = list(one)
    ties.links.set(fragmentId(to), linkOf(link))
  }
  for (const one of list(below)) {
    const [from, since, also, copies] = list(one)
    ties.below.set(fragmentId(from), belowOf(since, also, list(copies).map(bytesOf).map(readCopy)))
  }
  for (const one of list(told)) {
    const [to, since, also, copies] = list(one)
    ties.told.set(fragmentId(to), toldOf(since, also, list(copies)))
  }
  if (tomb !== null) {
    const [at, erasures] = list(tomb)
    ties.tomb = { at: number(at), erasures: new Map(list(erasures).map(erasureOf)) }
  }
  ties.answered = someOf(answered, text)
  ties.isPopular = isPopular === true
  ties.members = someOf(members, fragmentId) ?? nobody
  const [mentions = [], mentionedBy = [], forgotten = []] = later
  ties.mentions = someOf(mentions, fragmentId)
  ties.mentionedBy = someOf(mentionedBy, fragmentId)
  const words = list(forgotten).map(wordOf)
  ties.forgotten = words.length === 0 ? null : new Map(words)
  return ties
}

/** Null where there are none. */
function someOf<T>(stored: unknown, read: (value: unknown) => T): Set<T> | null {
  const values = list(stored).map(read)
  return values.length === 0 ? null : new Set(values)
}

function wordOf(stored: unknown): [string, Word] {
  const [hash, at, id] = list(stored)
  return [text(hash), { at: number(at), id: text(id) }]
}

function linkOf([since, strength, state, reason, under, isOverLimit]: readonly unknown[]): Link {
  assert(
    strength === 'authenticated' || strength === 'asserted' || strength === 'observed',
    'a link has a strength',
  )
  assert(state === 'valid' || state === 'refused' || state === 'unverified', 'a link has a state')
  return {
    since: number(since),
    strength,
    state,
    reason: text(reason),
    isOverLimit: isOverLimit === true,
    under: number(under),
  }
}

function belowOf(since: unknown, also: unknown, copies: readonly Copy[]): Below {
  return {
    since: since === null ? null : number(since),
    also: also === null ? null : fragmentId(also),
    copies: new Map(copies.map((copy) => [copy.id, copy])),
  }
}

function toldOf(since: unknown, also: unknown, copies: readonly unknown[]): Told {
  return {
    since: number(since),
    also: also === null ? null : fragmentId(also),
    copies: new Map(copies.map(versionOf)),
  }
}

function versionOf(stored: unknown): [FragmentId, Version] {
  const [id, sequence, index] = list(stored)
  return [fragmentId(id), { sequence: number(sequence), index: number(index) }]
}

function erasureOf(stored: unknown): [string, Erasure] {
  const [eraseId, at, back, wait, told, doneAt] = list(stored)
  return [
    text(eraseId),
    {
      at: number(at),
      back: back === null ? null : fragmentId(back),
      wait: new Set(list(wait).map(fragmentId)),
      told: new Set(list(told).map(text)),
      doneAt: number(doneAt),
    },
  ]
}

const whole = 'ties that are whole'

function list(value: unknown): readonly unknown[] {
  assert(Array.isArray(value), whole)
  return value
}

function number(value: unknown): number {
  assert(typeof value === 'number', whole)
  return value
}

function text(value: unknown): string {
  assert(typeof value === 'string', whole)
  return value
}

function bytesOf(value: unknown): Uint8Array {
  assert(value instanceof Uint8Array, whole)
  // A row's bytes are valid for a moment only.
  return new Uint8Array(value)
}

function fragmentId(value: unknown): FragmentId {
  assert(isFragmentId(value), whole)
  return value
}
