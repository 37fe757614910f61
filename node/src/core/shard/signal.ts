import {
  encode,
  type FragmentId,
  isFields,
  isFragmentId,
  type TriggeredDecision,
} from '@halfsecond/protocol'
import { hash64Hex } from '../digest.ts'
import type { ProfileChange } from '../identity/identity-ground.ts'

/** One thing that other systems hear of a profile. It waits in the outbox until it is published. */
export type Signal = ChangeSignal | SegmentSignal | DecisionSignal

interface Common {
  readonly kind: 'signal'
  readonly root: FragmentId
  readonly members: readonly FragmentId[]
  /** When the log took what brought it about, in milliseconds since 1970. */
  readonly at: number
}

/** Who is in the profile changed. */
export interface ChangeSignal extends Common {
  readonly signal: ProfileChange['kind']
  /** For `reassigned`: the greater profile that `root` is part of now. */
  readonly to: FragmentId | null
}

/** The profile entered a segment, or left it. */
export interface SegmentSignal extends Common {
  readonly signal: 'entered' | 'left'
  readonly segment: string
  /** Version of the playbook that says what the segment is. */
  readonly playbook: number
}

/** Entering a segment triggered a decision: another system shows it. */
export interface DecisionSignal extends Common, TriggeredDecision {
  readonly signal: 'decision'
  readonly segment: string
  readonly playbook: number
}

/** Signals of a shard that wait; where other systems' stream is away for longer, they are put aside. */
export const signalsMax = 10_000

/** Members that one signal names, so that its text stays below 256 KiB; more are named in the next. */
export const membersMax = 256

/** What is told of a change: one signal, or several for one of many members. */
export function* signalsOf(change: ProfileChange, at: number): Generator<Signal> {
  const { kind, root, members, to } = change
  let from = 0
  do {
    const some = members.slice(from, from + membersMax)
    yield { kind: 'signal', signal: kind, root, members: some, to, at }
    from += membersMax
  } while (from < members.length)
}

/** As it is kept where it was put aside: an erased identifier is not named there. */
export function asideSignal(signal: Signal): Uint8Array {
  if (signal.signal !== 'erased') return encode(signal)
  return encode({ ...signal, root: hash64Hex(encode(signal.root)) })
}

/** Where signals wait in a shard's outbox: one past the last shard. */
export function signalDestination(shards: number): number {
  return shards
}

const changes: ReadonlySet<unknown> = new Set<ProfileChange['kind']>([
  'merged',
  'split',
  'reassigned',
  'erased',
  'popular',
])

/** Whether a stored row is one. */
export function isSignal(value: unknown): value is Signal & { readonly n: number } {
  if (
    !isFields(value) ||
    value.kind !== 'signal' ||
    !isFragmentId(value.root) ||
    !Array.isArray(value.members) ||
    !value.members.every(isFragmentId) ||
    typeof value.at !== 'number' ||
    typeof value.n !== 'number'
  )
    return false
  const isOfSegment = typeof value.segment === 'string' && typeof value.playbook === 'number'
  switch (value.signal) {
    case 'entered':
    case 'left':
      return isOfSegment
    case 'decision':
      return isOfSegment && typeof value.content === 'string' && typeof value.token === 'string'
    default:
      return changes.has(value.signal) && (value.to === null || isFragmentId(value.to))
  }
}
