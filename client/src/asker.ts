import {
  type Answer,
  bounds,
  decodeAnswers,
  encode,
  HalfsecondError,
  type ShardEntry,
  toHalfsecondError,
  wireVersion,
} from '@halfsecond/protocol'
import {
  type Asked,
  askHome,
  type Draft,
  type NoAnswer,
  newAsked,
  shardAsked,
  untried,
  type VisitorAnswer,
} from './asked.ts'
import { backoffMs } from './backoff.ts'
import type { Counters } from './counters.ts'
import { HedgeBudget } from './hedge-budget.ts'
import { HedgeDelay } from './hedge-delay.ts'
import { StandbyFirst } from './standby-first.ts'
import type { Transport } from './transport.ts'

/**
 * After all replicas failed the question is asked again, while its deadline allows: soon, as a node
 * may just have handed its shard over, then ever later, as all may be overloaded.
 */
const firstRetryMs = 20
const retryMaxMs = 200

/** Questions of one frame stay below this, so that a frame never exceeds its bound. */
const frameBytes = bounds.frameBytes - 16 * 1024

/** Deadlines and hedges are kept to this accuracy. */
const tickMs = 4

/** What is known of the cluster's replicas. */
export interface Replicas {
  /** Undefined while no map is known. */
  entryOf(shard: number): ShardEntry | undefined
  /** A node knows this epoch of the map, or, if 0, did not hold what the map says it does. */
  heard(epoch: number): void
}

/**
 * Asks nodes: the primary, and another replica once that fails or is late; the first answer counts.
 * Questions of one turn that go to the same node travel in one frame. Every question is answered or
 * told why not by its deadline; nothing throws.
 */
export class Asker {
  private readonly transport: Transport
  private readonly replicas: Replicas
  private readonly counters: Counters
  private readonly delay = new HedgeDelay()
  private readonly budget = new HedgeBudget()
  private readonly standbyFirst = new StandbyFirst()
  private turn: Asked[] = []
  private readonly open: Asked[] = []
  private ticker: NodeJS.Timeout | undefined
  private isClosed = false

  constructor(transport: Transport, replicas: Replicas, counters: Counters) {
    this.transport = transport
    this.replicas = replicas
    this.counters = counters
  }

  /**
   * @param home the shard of the question's key: any replica of it may answer. Those of the shard
   * that the question names as its root are asked before, where it does
   */
  ask(question: Draft, home: number, deadlineMs: number): Promise<VisitorAnswer | NoAnswer> {
    return new Promise((done) => {
      if (this.isClosed) {
        done(closedError())
        return
      }
      const deadlineAt = performance.now() + deadlineMs
      const asked = newAsked(question, home, deadlineAt, done, this.open.length)
      this.open.push(asked)
      this.budget.asked()
      this.ticker ??= setInterval(() => this.tickSoon(), tickMs)
      this.enqueue(asked)
    })
  }

  close(): void {
    this.isClosed = true
    for (const asked of [...this.open]) this.finish(asked, closedError())
    this.tick()
  }

  private enqueue(asked: Asked): void {
    asked.isQueued = true
    if (this.turn.push(asked) === 1) setImmediate(() => this.send())
  }

  private send(): void {
    const { turn } = this
    this.turn = []
    const now = performance.now()
    const frames = new Map<string, Asked[]>()
    for (const asked of turn) {
      asked.isQueued = false
      if (asked.place < 0) continue
      const node = this.replicaFor(asked, now)
      if (node === undefined) {
        if (asked.underWay.length === 0) this.later(asked, asked.failure ?? noMap())
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

  /** The node to ask next, as the newest map says. */
  private replicaFor(asked: Asked, now: number): string | undefined {
    const shard = shardAsked(asked)
    const entry = this.replicas.entryOf(shard)
    const node =
      entry && untried(entry, this.standbyFirst.isOn(shard, entry.primary, now), asked.tried)
    if (node !== undefined || asked.question.root === undefined) return node
    askHome(asked)
    return this.replicaFor(asked, now)
  }

  private async sendFrame(node: string, frame: readonly Asked[]): Promise<void> {
    const size = frame.reduce((sum, asked) => sum + asked.bytes, 0)
    if (size > frameBytes && frame.length > 1) {
      const middle = frame.length >> 1
      void this.sendFrame(node, frame.slice(0, middle))
      void this.sendFrame(node, frame.slice(middle))
      return
    }
    const sentAt = performance.now()
    const delayMs = this.delay.ms
    const alone = [node]
    let latest = 0
    const questions = frame.map((asked) => {
      const { question, deadlineAt, tried, underWay } = asked
      asked.tried = tried.length === 0 ? alone : [...tried, node]
      asked.underWay = underWay.length === 0 ? alone : [...underWay, node]
      asked.hedgeAt = sentAt + delayMs
      question.deadline = Math.max(1, Math.ceil(deadlineAt - sentAt))
      latest = Math.max(latest, deadlineAt)
      return question
    })
    try {
      const reply = await this.transport.ask(
        node,
        encode({ v: wireVersion, questions }),
        Math.max(1, latest - sentAt),
      )
      const { answers, epoch } = decodeAnswers(reply)
      if (answers.length !== frame.length) {
        const [only] = answers
        throw only?.kind === 'error'
          ? new HalfsecondError(only.error.code, only.error.message)
          : new HalfsecondError('MALFORMED', 'fewer answers than questions')
      }
      const tookMs = performance.now() - sentAt
      this.delay.answered(tookMs)
      this.replicas.heard(epoch)
      for (const [index, asked] of frame.entries()) {
        if (tookMs <= delayMs) this.standbyFirst.answered(shardAsked(asked), node)
        this.receive(asked, node, answers[index])
      }
    } catch (thrown) {
      const error = toHalfsecondError(thrown, 'UNAVAILABLE', 'no answer')
      if (error.code === 'UNAVAILABLE' || error.code === 'MOVED') this.replicas.heard(0)
      for (const asked of frame) this.failed(asked, node, error)
    }
  }

  private receive(asked: Asked, node: string, answer: Answer | undefined): void {
    if (isAnswerTo(asked.question, answer)) {
      if (asked.place >= 0 && asked.isHedged && node !== asked.late) this.counters.hedgesWon++
      this.finish(asked, answer)
      return
    }
    const error =
      answer?.kind === 'error'
        ? new HalfsecondError(answer.error.code, answer.error.message)
        : new HalfsecondError('MALFORMED', 'an answer to another question')
    if (error.code === 'MOVED') this.replicas.heard(0)
    this.failed(asked, node, error)
  }

  /** Asks the next replica at once; only where all were asked is there a pause. */
  private failed(asked: Asked, node: string, error: HalfsecondError): void {
    if (asked.place < 0) return
    if (!error.retryable) {
      this.finish(asked, error)
      return
    }
    asked.failure = error
    asked.underWay = asked.underWay.filter((one) => one !== node)
    if (asked.question.root !== undefined) askHome(asked)
    if (asked.isQueued) return
    if (this.replicaFor(asked, performance.now()) !== undefined) this.enqueue(asked)
    else this.later(asked, error)
  }

  /** Begins again after a pause. Where none is left, it is over unless somebody may still answer. */
  private later(asked: Asked, failure: HalfsecondError): void {
    const left = asked.deadlineAt - performance.now()
    const pause = backoffMs(asked.rounds++, firstRetryMs, retryMaxMs)
    if (left > pause && this.transport.isConnected) {
      asked.isQueued = true
      setTimeout(() => {
        asked.tried = asked.underWay
        this.enqueue(asked)
      }, pause)
    } else if (asked.underWay.length === 0) this.finish(asked, failure)
  }

  /** Gives the last open question the place that becomes free, so that finishing costs nothing. */
  private finish(asked: Asked, result: VisitorAnswer | NoAnswer): void {
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

  /** Answers that wait to be read are read first: this process may itself have paused. */
  private tickSoon(): void {
    setImmediate(() => this.tick())
  }

  /** One timer serves all deadlines and hedges. From the end, as finishing moves the last one. */
  private tick(): void {
    const now = performance.now()
    for (let place = this.open.length - 1; place >= 0; place--) {
      const asked = this.open[place]
      if (asked === undefined) continue
      if (asked.deadlineAt <= now) {
        const late = new HalfsecondError('TIMEOUT', 'no answer within the deadline')
        this.finish(asked, asked.failure ?? late)
      } else if (asked.hedgeAt <= now) this.hedge(asked, now)
    }
    if (this.open.length > 0) return
    clearInterval(this.ticker)
    this.ticker = undefined
  }

  /** Asks another replica as well; where the budget is spent, at a later tick. */
  private hedge(asked: Asked, now: number): void {
    if (asked.isQueued) return
    if (asked.late === undefined) {
      asked.late = asked.tried.at(-1)
      this.missed(asked, now)
    }
    if (this.replicaFor(asked, now) === undefined || !this.budget.take()) return
    asked.isHedged = true
    this.counters.hedges++
    this.enqueue(asked)
  }

  private missed(asked: Asked, now: number): void {
    const { late } = asked
    const shard = shardAsked(asked)
    const entry = this.replicas.entryOf(shard)
    if (entry === undefined || late !== entry.primary || entry.standbys.length === 0) return
    if (this.standbyFirst.missed(shard, entry.primary, now)) this.counters.standbyFirst++
  }
}

function isAnswerTo({ kind }: Draft, answer: Answer | undefined): answer is VisitorAnswer {
  return answer?.kind === (kind === 'decide' ? 'decision' : 'profile')
}

function noMap(): HalfsecondError {
  return new HalfsecondError('UNAVAILABLE', 'no shard map yet: no node has answered')
}

function closedError(): HalfsecondError {
  return new HalfsecondError('CLOSED', 'the client is closed')
}
