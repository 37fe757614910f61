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
import type { Transport } from './transport.ts'

/** After a failure the question is asked again this much later, while its deadline allows. */
const retryMs = 20

/** Questions of one frame stay below this, so that a frame never exceeds its bound. */
const frameBytes = bounds.frameBytes - 16 * 1024

/** Deadlines are kept to this accuracy. */
const tickMs = 4

/** What an answer may become instead: the reason why there is none. */
export type NoAnswer = HalfsecondError

interface Asked {
  readonly question: Omit<DecideQuestion, 'deadline'>
  readonly bytes: number
  readonly deadlineAt: number
  readonly node: () => string | undefined
  readonly done: (answer: DecideAnswer | NoAnswer) => void
  isDone: boolean
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
  private readonly due = new Map<number, Asked[]>()
  private ticker: NodeJS.Timeout | undefined
  private tick = 0

  /** @param onStaleMap told the epoch that a node knows, or 0 when a node did not hold a shard */
  constructor(transport: Transport, onStaleMap: (epoch: number) => void) {
    this.transport = transport
    this.onStaleMap = onStaleMap
  }

  /** @param node the node to ask, as the newest map says; undefined while no map is known */
  ask(
    question: Omit<DecideQuestion, 'deadline'>,
    deadlineMs: number,
    node: () => string | undefined,
  ): Promise<DecideAnswer | NoAnswer> {
    return new Promise((done) => {
      const deadlineAt = performance.now() + deadlineMs
      const bytes = question.pending.reduce((sum, batch) => sum + batch.length, 1024)
      const asked: Asked = {
        question,
        bytes,
        deadlineAt,
        node,
        done,
        isDone: false,
        failure: undefined,
      }
      this.enqueue(asked)
      this.expect(asked)
    })
  }

  close(): void {
    if (this.ticker) clearInterval(this.ticker)
    const closed = new HalfsecondError('CLOSED', 'the client is closed')
    for (const asked of [...this.turn, ...[...this.due.values()].flat()]) this.finish(asked, closed)
  }

  private enqueue(asked: Asked): void {
    if (this.turn.push(asked) === 1) setImmediate(() => this.send())
  }

  private send(): void {
    const { turn } = this
    this.turn = []
    const frames = new Map<string, Asked[]>()
    for (const asked of turn) {
      if (asked.isDone) continue
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
    const questions = frame.map(({ question, deadlineAt }) => ({
      ...question,
      deadline: Math.max(1, Math.ceil(deadlineAt - now)),
    }))
    const latest = frame.reduce((last, { deadlineAt }) => Math.max(last, deadlineAt), 0)
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
    if (left <= retryMs || !this.transport.isConnected) this.finish(asked, failure)
    else setTimeout(() => this.enqueue(asked), retryMs)
  }

  private finish(asked: Asked, result: DecideAnswer | NoAnswer): void {
    if (asked.isDone) return
    asked.isDone = true
    asked.done(result)
  }

  /** One timer serves all deadlines: they are kept in slots of a few milliseconds. */
  private expect(asked: Asked): void {
    const slot = Math.ceil(asked.deadlineAt / tickMs)
    const expected = this.due.get(slot)
    if (expected) expected.push(asked)
    else this.due.set(slot, [asked])
    if (this.ticker !== undefined) return
    this.tick = Math.floor(performance.now() / tickMs)
    this.ticker = setInterval(() => this.expire(), tickMs)
  }

  private expire(): void {
    const now = Math.floor(performance.now() / tickMs)
    for (; this.tick <= now; this.tick++) {
      for (const asked of this.due.get(this.tick) ?? []) {
        if (asked.isDone) continue
        this.finish(
          asked,
          asked.failure ?? new HalfsecondError('TIMEOUT', 'no answer within the deadline'),
        )
      }
      this.due.delete(this.tick)
    }
    if (this.due.size > 0 || this.ticker === undefined) return
    clearInterval(this.ticker)
    this.ticker = undefined
  }
}
