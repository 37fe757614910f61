import { compareUtf8, encode, type FragmentId } from '@halfsecond/protocol'
import { assert } from '../assert.ts'
import { hash64Hex } from '../digest.ts'

/** One of the ways in which an experiment treats people. */
export interface Arm {
  readonly name: string
  /** Of all people; the shares of an experiment's arms sum up to 1. */
  readonly share: number
}

/** A fragment, and the time of its first fact; −1 where it has none. */
export interface Born {
  readonly id: FragmentId
  readonly bornAt: number
}

/**
 * Which arm of an experiment a profile is in. It follows from the eldest of its fragments, by the
 * time of its first fact, then by name: so a merge leaves the elder side where it was, a split
 * gives both sides back what they had, and nobody has to remember anything.
 *
 * Published in §13 of the specification, so that others can compute it: the first 13 hexadecimal digits
 * of hash64 over MessagePack of `[experiment, fragment]`, as a share of 2⁵²; the arms' shares follow
 * each other from 0 in the order given.
 */
export function armOf<One extends Arm>(
  experiment: string,
  arms: readonly One[],
  eldest: FragmentId,
): One {
  const place = placeOf(experiment, eldest)
  let end = 0
  for (const arm of arms) {
    end += arm.share
    if (place < end) return arm
  }
  // Shares may sum up to a little less than 1.
  const last = arms[arms.length - 1]
  assert(last !== undefined, 'an experiment has arms')
  return last
}

/** The fragment that a profile's arm follows from. */
export function eldestOf(parts: readonly Born[]): Born {
  let eldest = parts[0]
  for (const part of parts) if (eldest && isElder(part, eldest)) eldest = part
  assert(eldest !== undefined, 'a profile has a fragment')
  return eldest
}

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
