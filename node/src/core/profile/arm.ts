import { compareUtf8, encode, type FragmentId } from '@halfsecond/protocol'
import { assert } from '../assert.ts'
import { hash64Hex } from '../digest.ts'
import type { Part } from './part.ts'

/** One of the ways in which an experiment treats people. */
export interface Arm {
  readonly name: string
  /** Of all people; the shares of an experiment's arms sum up to 1. */
  readonly share: number
}

/**
 * Which arm of an experiment a profile is in. It follows from the eldest of its fragments, by the
 * time of its first fact, then by name: so a merge leaves the elder side where it was, a split
 * gives both sides back what they had, and nobody has to remember anything.
 *
 * Published, so that others can compute it: the first 13 hexadecimal digits of hash64 (see the
 * specification's digest) over MessagePack of `[experiment, fragment]`, as a share of 2⁵²; the arms'
 * shares follow each other from 0 in the order given.
 */
export function armOf(
  experiment: string,
  arms: readonly Arm[],
  parts: readonly Pick<Part, 'id' | 'bornAt'>[],
): string {
  const place = placeOf(experiment, eldestOf(parts))
  let end = 0
  for (const { name, share } of arms) {
    end += share
    if (place < end) return name
  }
  // Shares may sum up to a little less than 1.
  const last = arms[arms.length - 1]
  assert(last !== undefined, 'an experiment has arms')
  return last.name
}

/** The fragment that a profile's arm follows from. */
export function eldestOf(parts: readonly Pick<Part, 'id' | 'bornAt'>[]): FragmentId {
  let eldest = parts[0]
  for (const part of parts) if (eldest && isElder(part, eldest)) eldest = part
  assert(eldest !== undefined, 'a profile has a fragment')
  return eldest.id
}

type Born = Pick<Part, 'id' | 'bornAt'>

function isElder(one: Born, than: Born): boolean {
  if (one.bornAt === than.bornAt) return compareUtf8(one.id, than.id) < 0
  // A fragment without any fact is younger than all that have one.
  if (one.bornAt < 0 || than.bornAt < 0) return than.bornAt < 0
  return one.bornAt < than.bornAt
}

/** From 0 up to, not including, 1. */
function placeOf(experiment: string, id: FragmentId): number {
  return Number.parseInt(hash64Hex(encode([experiment, id])).slice(0, 13), 16) / 2 ** 52
}
