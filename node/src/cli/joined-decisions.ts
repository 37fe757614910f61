import { setTimeout as pause } from 'node:timers/promises'
import { HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import { headOf } from '../core/decision/logged-decision.ts'
import { Frames, frameEnd, joinedIn } from '../core/learning/joined.ts'
import { WholeFrames } from '../core/learning/whole-frames.ts'
import type { AdminClient } from './admin-client.ts'

/** Decisions asked for at a time, about: what is read again where an answer breaks off. */
const windowDecisions = 50_000
const windowMsFirst = 3_600_000
const windowMsMin = 60_000

const tries = 4
const retryMs = 1_000

export interface JoinedRequest {
  /** They were logged from then to before then, in milliseconds since 1970. */
  readonly since: number
  readonly until: number
  readonly placement?: string | undefined
  /** Also what was known of whom they were about. */
  readonly timelines?: boolean | undefined
  readonly signal: AbortSignal
  /** Now and then: the share of the time that is read, and how many decisions came. */
  readonly onProgress?: (share: number, decisions: number) => void
}

/** Whole frames of decisions, as a node sent them. */
export interface FramedDecisions {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** How many they are. */
  readonly count: number
}

/**
 * Decisions of the whole cluster with what became of them, by way of one node, framed as they came:
 * nobody looks into them here. Read in windows of time, so that what breaks off is read again from the
 * beginning of a window, and goes on after the last one that came. Holds what one piece of an answer
 * holds.
 *
 * Two entries of one decision, one just before a border of two windows and the other just after,
 * are not known to be of one: of a million, with luck one.
 *
 * Rejects with `UNAVAILABLE` where it breaks off again and again, with `CLOSED` when stopped.
 */
export async function* readFramed(
  admin: Pick<AdminClient, 'stream'>,
  { since, until, placement, timelines, signal, onProgress }: JoinedRequest,
): AsyncGenerator<FramedDecisions> {
  let decisions = 0
  let ms = windowMsFirst
  for (let from = since; from < until; ) {
    const to = Math.min(until, from + ms)
    const path = pathOf(from, to, placement, timelines)
    let inWindow = 0
    for await (const piece of readWindow(admin, path, signal, from === since)) {
      inWindow += piece.count
      decisions += piece.count
      yield piece
      onProgress?.((from - since) / (until - since), decisions)
    }
    const factor = Math.max(0.25, Math.min(4, windowDecisions / Math.max(1, inWindow)))
    ms = Math.max(windowMsMin, Math.round(ms * factor))
    from = to
    onProgress?.((from - since) / (until - since), decisions)
  }
}

/** @param isFirst nothing came before: where no node answers, that is said at once */
async function* readWindow(
  admin: Pick<AdminClient, 'stream'>,
  path: string,
  signal: AbortSignal,
  isFirst: boolean,
): AsyncGenerator<FramedDecisions> {
  let last: string | undefined
  for (let left = tries - 1; ; left--) {
    let sought = last
    let came: Uint8Array<ArrayBuffer> | undefined
    try {
      for await (const piece of wholeFrames(await admin.stream(path))) {
        if (signal.aborted) throw new HalfsecondError('CLOSED', 'stopped before all was read')
        const rest = sought === undefined ? piece : after(piece, sought)
        if (rest === undefined) continue
        sought = undefined
        if (rest.count === 0) continue
        came = rest.bytes
        yield rest
      }
      if (sought === undefined) return
      // Whoever it was about was erased in between.
      throw new HalfsecondError('CLOSED', 'the decision log changed meanwhile: run it again')
    } catch (thrown) {
      if (came !== undefined) last = lastDecisionIn(came)
      const failure = toHalfsecondError(thrown, 'UNAVAILABLE', 'the answer broke off')
      const isLost = isFirst && last === undefined
      if (left === 0 || isLost || !isPassing(failure)) throw failure
    }
    await pause(retryMs, undefined, { signal }).catch(() => undefined)
  }
}

/** Pieces that are cut between frames. */
async function* wholeFrames(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<FramedDecisions> {
  const frames = new WholeFrames(1, Number.POSITIVE_INFINITY)
  let count = 0
  const counted = (bytes: Uint8Array<ArrayBuffer>): FramedDecisions => {
    const piece = { bytes, count: frames.count - count }
    count = frames.count
    return piece
  }
  for await (const piece of pieces) {
    const bytes = frames.take(piece)
    if (bytes !== undefined) yield counted(bytes)
  }
  const bytes = frames.end()
  if (bytes !== undefined) yield counted(bytes)
}

/** What of a piece comes after a decision; undefined where that is not in it. */
function after({ bytes, count }: FramedDecisions, decision: string): FramedDecisions | undefined {
  let passed = 0
  for (const { end, frame } of framesIn(bytes)) {
    passed++
    if (decisionIn(frame) === decision) return { bytes: bytes.slice(end), count: count - passed }
  }
  return undefined
}

function lastDecisionIn(bytes: Uint8Array): string | undefined {
  let last: Uint8Array | undefined
  for (const { frame } of framesIn(bytes)) last = frame
  return last && decisionIn(last)
}

function* framesIn(
  bytes: Uint8Array,
): Generator<{ readonly end: number; readonly frame: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  for (let end = frameEnd(view, at); end !== undefined; end = frameEnd(view, at)) {
    yield { end, frame: bytes.subarray(at, end) }
    at = end
  }
}

function decisionIn(frame: Uint8Array): string | undefined {
  for (const value of new Frames().take(frame)) return headOf(joinedIn(value).entry)?.decision
  return undefined
}

function isPassing({ code }: HalfsecondError): boolean {
  return code === 'UNAVAILABLE' || code === 'TIMEOUT' || code === 'MALFORMED'
}

function pathOf(
  from: number,
  to: number,
  placement: string | undefined,
  timelines = false,
): string {
  const query = new URLSearchParams({ since: isoTime(from), until: isoTime(to) })
  if (placement !== undefined) query.set('placement', placement)
  if (timelines) query.set('timelines', 'true')
  return `/v1/decisions?${query}`
}

function isoTime(time: number): string {
  return new Date(time).toISOString()
}
