import {
  exportPositions,
  HalfsecondError,
  type Position,
  toHalfsecondError,
  type WireError,
} from '@halfsecond/protocol'
import type { FastifyReply } from 'fastify'
import { meanings, type Problem, problemFor, problemType } from './problem.ts'

/** What became of one of several things that a request brought. */
export type Result =
  | { readonly position: string; readonly confirmed?: boolean }
  | { readonly error: WireError }

/** Where it was recorded; of an acceptance also whether it counts everywhere by now. */
export type Recorded = Position | { readonly position: Position; readonly confirmed: boolean }

/**
 * How long a request waits for the log. Less than clients and balancers wait, so that they hear
 * which records are in doubt. Those are still queued here: sent again with the same id, they change
 * nothing.
 */
export const logWaitMs = 5_000

/** Records handled before other work gets its turn: far below 10 ms of the loop. */
const sliceLength = 128

/**
 * Records item by item, in order, and waits until each is in the log.
 * @param record may throw or reject: that is the item's result, and no other's
 */
export async function recordEach(
  items: readonly unknown[],
  record: (item: unknown) => Promise<Recorded>,
  waitMs: number,
): Promise<Result[]> {
  const results = new Array<Result | undefined>(items.length).fill(undefined)
  const recorded: Promise<void>[] = []
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % sliceLength === 0) await new Promise<void>(setImmediate)
    recorded.push(
      attempt(record, item).then((result) => {
        results[index] = result
      }),
    )
  }
  await settledWithin(Promise.all(recorded), waitMs)
  return results.map((result) => result ?? { error: inDoubt })
}

const inDoubt: WireError = {
  code: 'TIMEOUT',
  message:
    'not in the log yet, and still queued: send it again with the same id to learn its position',
}

async function attempt(
  record: (item: unknown) => Promise<Recorded>,
  item: unknown,
): Promise<Result> {
  try {
    const recorded = await record(item)
    if (!('confirmed' in recorded)) return { position: exportPositions([recorded]) }
    const { position, confirmed } = recorded
    return { position: exportPositions([position]), confirmed }
  } catch (thrown) {
    return { error: wireError(thrown) }
  }
}

export function wireError(thrown: unknown): WireError {
  const { code, message } = toHalfsecondError(thrown, 'UNAVAILABLE', 'the node failed to record')
  return { code: code === 'CLOSED' ? 'UNAVAILABLE' : code, message }
}

async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const waited = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, waited])
  clearTimeout(timer)
}

/**
 * 200 where everything was recorded, 207 where some of it. Where nothing was, a caller that looks
 * at the status alone must not believe otherwise: a problem with the first error, and the results.
 */
export function sendResults(reply: FastifyReply, results: readonly Result[]): FastifyReply {
  const first = results.find((result) => 'error' in result)
  if (first === undefined) return reply.send({ results })
  if (results.some((result) => 'position' in result)) return reply.code(207).send({ results })
  const problem = problemFor(first.error.code, first.error.message)
  return sendProblem(reply, problem, { results })
}

export function sendProblem(
  reply: FastifyReply,
  problem: Problem,
  more: object = {},
): FastifyReply {
  const { retryAfter } = meanings[problem.code]
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  return reply
    .code(problem.status)
    .type(problemType)
    .send(JSON.stringify({ ...problem, ...more }))
}

/** Refuses a list before any of it is read. */
export function atMost(count: number, max: number, what: string): void {
  if (count > max) throw new HalfsecondError('TOO_LARGE', `${count} ${what}; at most ${max}`)
}
