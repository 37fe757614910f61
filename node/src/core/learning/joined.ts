import { decodeTrusted, encode, HalfsecondError } from '@halfsecond/protocol'
import type { Said } from '../fragment/said.ts'
import { type PastTimeline, pastIn, storedPast } from './past-timeline.ts'

/*
 * Decisions as they were logged, each with what became of it. On the wire, of each:
 *
 *   u32 length, little-endian │ MessagePack [entry, [placement, offer, outcome, at, …], [past, …]]
 *
 * The last is there where timelines were asked for: of each member of the entry, in their order, as
 * `past-timeline.ts` stores it, or null.
 */

/** A decision and all that was told of it since. */
export interface JoinedDecision {
  /** As it was logged: for `headOf` and `readDecision`. */
  readonly entry: Uint8Array
  /**
   * By time, at most `outcomesPerDecisionMax`. Where content is displayed later, as in an e-mail,
   * nobody reports a display: there deciding is the exposure.
   */
  readonly outcomes: readonly JoinedOutcome[]
  /**
   * What was known of each member at the time of the decision, where that was asked for; undefined
   * of one of whom nothing is left, or for whom there was no room.
   */
  readonly pasts?: readonly (PastTimeline | undefined)[]
}

export interface JoinedOutcome {
  readonly placement: string
  readonly offer: string
  readonly outcome: Said
  /** Milliseconds since 1970. */
  readonly at: number
}

/**
 * Ten placements of three propositions each, of which each is displayed and clicked on. The oldest
 * are kept: a display comes first.
 */
export const outcomesPerDecisionMax = 64

/** An entry of 64 KiB, its outcomes and timelines, with room: a greater length is no frame. */
const frameBytesMax = 256 * 1024

/** What the timelines of one decision may take: who is left out then is not known. */
export const pastsBytesMax = 128 * 1024

const lengthBytes = 4

/** Outcomes as they are told: `[placement, offer, outcome, at, …]`. */
export function storedOutcomes(outcomes: readonly JoinedOutcome[]): unknown[] {
  const stored: unknown[] = []
  for (const { placement, offer, outcome, at } of outcomes)
    stored.push(placement, offer, outcome, at)
  return stored
}

/** @throws HalfsecondError `MALFORMED` */
export function outcomesIn(stored: unknown): JoinedOutcome[] {
  const outcomes: JoinedOutcome[] = []
  if (!Array.isArray(stored) || stored.length % 4 !== 0) throw malformed()
  for (let i = 0; i < stored.length; i += 4) {
    const [placement, offer, outcome, at]: unknown[] = stored.slice(i, i + 4)
    if (typeof placement !== 'string' || typeof offer !== 'string') throw malformed()
    if (!isSaid(outcome) || typeof at !== 'number') throw malformed()
    outcomes.push({ placement, offer, outcome, at })
  }
  return outcomes
}

export function encodeJoined({ entry, outcomes, pasts }: JoinedDecision): Uint8Array {
  const joined = [entry, storedOutcomes(outcomes)]
  if (pasts === undefined) return framed(joined)
  return framed([...joined, pasts.map((past) => (past === undefined ? null : storedPast(past)))])
}

/** @throws HalfsecondError `MALFORMED` */
export function joinedIn(value: unknown): JoinedDecision {
  const [entry, stored, pasts]: unknown[] = Array.isArray(value) ? value : []
  if (!(entry instanceof Uint8Array)) throw malformed()
  const joined = { entry, outcomes: outcomesIn(stored) }
  if (pasts === undefined) return joined
  if (!Array.isArray(pasts)) throw malformed()
  return { ...joined, pasts: pasts.map((past) => (past === null ? undefined : pastIn(past))) }
}

/** A value as MessagePack, behind its length. */
export function framed(value: unknown): Uint8Array {
  const bytes = encode(value)
  const frame = new Uint8Array(lengthBytes + bytes.length)
  new DataView(frame.buffer).setUint32(0, bytes.length, true)
  frame.set(bytes, lengthBytes)
  return frame
}

/**
 * Where the frame that begins at `at` ends; undefined where it is not whole.
 * @throws HalfsecondError `MALFORMED` for a length that no frame has
 */
export function frameEnd(view: DataView, at: number): number | undefined {
  if (at + lengthBytes > view.byteLength) return undefined
  const length = view.getUint32(at, true)
  if (length > frameBytesMax) throw malformed()
  const end = at + lengthBytes + length
  return end > view.byteLength ? undefined : end
}

/** Takes frames out of bytes that come in pieces, wherever those were cut. */
export class Frames {
  private rest = new Uint8Array(0)

  /** Whether all that came was taken: at the end, nothing is missing. */
  get isBetween(): boolean {
    return this.rest.length === 0
  }

  /**
   * The values of the frames that are whole by now; byte strings in them are views of the piece.
   * @throws HalfsecondError `MALFORMED`
   */
  *take(piece: Uint8Array): Generator<unknown> {
    const bytes = this.rest.length === 0 ? piece : joined(this.rest, piece)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let at = 0
    for (let end = frameEnd(view, at); end !== undefined; end = frameEnd(view, at)) {
      yield valueIn(bytes, at + lengthBytes, end)
      at = end
    }
    this.rest = bytes.slice(at)
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}

function valueIn(bytes: Uint8Array, start: number, end: number): unknown {
  try {
    return decodeTrusted(bytes, start, end)
  } catch {
    throw malformed()
  }
}

function malformed(): HalfsecondError {
  return new HalfsecondError('MALFORMED', 'not decisions with their outcomes')
}

const said: ReadonlySet<unknown> = new Set<Said>([
  'display',
  'click',
  'accept',
  'reject',
  'dismiss',
  'unsubscribe',
  'cancel',
  'unsubscribe group',
])

function isSaid(value: unknown): value is Said {
  return said.has(value)
}
