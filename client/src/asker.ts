import {
  type Answer,
  bounds,
  type DecideAnswer,
  type DecideQuestion,
  decodeAnswers,
  encode,
  HalfsecondError,
  toHalfsecondError,
  wireVersion,
} from '@halfsecond/protocol'
import { backoffMs } from './backoff.ts'
import type { Transport } from './transport.ts'

/**
 * After a failure the question is asked again, while its deadline allows: soon, as a node may just
 * have handed its shard over, then ever later, as it may be overloaded.
 */
const firstRetryMs = 20
const retryMaxMs = 200

/** Questions of one frame stay below this, so that a frame never exceeds its bound. */
const frameBytes = bounds.frameBytes - 16 * 1024

/** Deadlines are kept to this accuracy. */
const tickMs = 4

/** A question's bytes besides its texts and pending records. */
const questionBytes = 512

/** What an answer may become instead: the reason why there is none. */
export type NoAnswer = HalfsecondError

/** A question; its deadline is set anew whenever it is sent. */
export type Draft = Omit<DecideQuestion, 'deadline'> & { deadline: number }

interface Asked {
  readonly question: Draft
  /** At most. */
  readonly bytes: number
  readonly deadlineAt: number
  readonly node: () => string | undefined
  readonly done: (answer: DecideAnswer | NoAnswer) => void
  /** Place among those that are open; -1 once done. */
  place: number
  attempts: number
  /** Why the last attempt failed. */
  failure: HalfsecondError | undefined
}

/**
 * Asks nodes. Questions of one turn that go to the same node travel in one frame. Every question
 * is answered or told why not by its deadline; nothing throws.
 */
export class Asker {
  private readonly transport: Transport
  private readonly onStaleMap: (epoch: number) => void
  private turn: Asked[] = []
  private readonly open: Asked[] = []
  private ticker: NodeJS.Timeout | undefined
  private isClosed = false

  /** @param onStaleMap told the epoch that a node knows, or 0 when a node did not hold a shard */
  constructor(transport: Transport, onStaleMap: (epoch: number) => void) {
    this.transport = transport
    this.onStaleMap = onStaleMap
  }

  /** @param node the node to ask, as the newest map says; undefined while no map is known */
  ask(
    question: Draft,
    deadlineMs: number,
    node: () => string | undefined,
  ): Promise<DecideAnswer | NoAnswer> {
    return new Promise((done) => {
      if (this.isClosed) {
        done(closedError())
        return
      }
      const asked: Asked = {
        question,
        bytes: bytesOf(question),
        deadlineAt: performance.now() + deadlineMs,
        node,
        done,
        place: this.open.length,
        attempts: 0,
        failure: undefined,
      }
      this.open.push(asked)
      this.ticker ??= setInterval(() => this.expire(), tickMs)
      this.enqueue(asked)
    })
  }

  close(): void {
    this.isClosed = true
    for (const asked of [...this.open]) this.finish(asked, closedError())
    this.expire()
  }

  private enqueue(asked: Asked): void {
    if (this.turn.push(asked) === 1) setImmediate(() => this.send())
  }

  private send(): void {
    const { turn } = this
    this.turn = []
    const frames = new Map<string, Asked[]>()
    for (const asked of turn) {
      if (asked.place < 0) continue
      const node = asked.node()
      if (node === undefined) {
        this.later(
          asked,
          new HalfsecondError('UNAVAILABLE', 'no shard map yet: no node has answered'),
        )
        continue
      }
      const frame = frames.get(node)
      if (frame === undefined) frames.set(node, [asked])
      else if (frame.push(asked) === bounds.questionsPerFrame) {
        void this.sendFrame(node, frame)
        frames.delete(node)
      }
    }
    for (const [node, frame] of frames) void this.sendFrame(node, frame)
  }

  private async sendFrame(node: string, frame: readonly Asked[]): Promise<void> {
    const size = frame.reduce((sum, asked) => sum + asked.bytes, 0)
    if (size > frameBytes && frame.length > 1) {
      const middle = frame.length >> 1
      void this.sendFrame(node, frame.slice(0, middle))
      void this.sendFrame(node, frame.slice(middle))
      return
    }
    const now = performance.now()
    let latest = 0
    const questions = frame.map(({ question, deadlineAt }) => {
      question.deadline = Math.max(1, Math.ceil(deadlineAt - now))
      latest = Math.max(latest, deadlineAt)
      return question
    })
    try {
      const reply = await this.transport.ask(
        node,
        encode({ v: wireVersion, questions }),
        Math.max(1, latest - now),
      )
      const { answers, epoch } = decodeAnswers(reply)
      if (answers.length !== frame.length) {
        const [only] = answers
        throw only?.kind === 'error'
          ? new HalfsecondError(only.error.code, only.error.message)
          : new HalfsecondError('MALFORMED', 'fewer answers than questions')
      }
      this.onStaleMap(epoch)
      for (const [index, asked] of frame.entries()) this.receive(asked, answers[index])
    } catch (thrown) {
      const error = toHalfsecondError(thrown, 'UNAVAILABLE', 'no answer')
      if (error.code === 'UNAVAILABLE' || error.code === 'MOVED') this.onStaleMap(0)
      for (const asked of frame) this.failed(asked, error)
    }
  }

  private receive(asked: Asked, answer: Answer | undefined): void {
    if (answer?.kind === 'decision') {
      this.finish(asked, answer)
      return
    }
    const error =
      answer?.kind === 'error'
        ? new HalfsecondError(answer.error.code, answer.error.message)
        : new HalfsecondError('MALFORMED', 'an answer to another question')
    if (error.code === 'MOVED') this.onStaleMap(0)
    this.failed(asked, error)
  }

  private failed(asked: Asked, error: HalfsecondError): void {
    if (error.retryable) this.later(asked, error)
    else this.finish(asked, error)
  }

  private later(asked: Asked, failure: HalfsecondError): void {
    asked.failure = failure
    const left = asked.deadlineAt - performance.now()
    const pause = backoffMs(asked.attempts++, firstRetryMs, retryMaxMs)
    if (left <= pause || !this.transport.isConnected) this.finish(asked, failure)
    else setTimeout(() => this.enqueue(asked), pause)
  }

  /** Gives the last open question the place that becomes free, so that finishing costs nothing. */
  private finish(asked: Asked, result: DecideAnswer | NoAnswer): void {
    const { place } = asked
    if (place < 0) return
    const last = this.open.pop()
    if (last !== undefined && last !== asked) {
      this.open[place] = last
      last.place = place
    }
    asked.place = -1
    asked.done(result)
  }

  /** One timer serves all deadlines. */
  private expire(): void {
    const now = performance.now()
    for (const asked of this.open.filter(({ deadlineAt }) => deadlineAt <= now)) {
      const late = new HalfsecondError('TIMEOUT', 'no answer within the deadline')
      this.finish(asked, asked.failure ?? late)
    }
    if (this.open.length > 0) return
    clearInterval(this.ticker)
    this.ticker = undefined
  }
}

/** One UTF-16 unit makes three bytes at most. */
function bytesOf({ identifiers, placements, pending }: Draft): number {
  let bytes = questionBytes
  for (const text of identifiers) bytes += 3 * text.length
  for (const text of placements) bytes += 3 * text.length
  for (const batch of pending) bytes += batch.length
  return bytes
}

function closedError(): HalfsecondError {
  return new HalfsecondError('CLOSED', 'the client is closed')
}
