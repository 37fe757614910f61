import {
  type Answer,
  type AnswerFrame,
  type AwaitQuestion,
  bounds,
  type DecideAnswer,
  type DecideQuestion,
  decode,
  encode,
  errorAnswer,
  HalfsecondError,
  identifierIn,
  type Namespaces,
  parseQuestions,
  type Question,
  type SpreadAnswer,
  type SpreadQuestion,
  shardOf,
  toHalfsecondError,
  wireVersion,
} from '@halfsecond/protocol'
import type { Explained } from '../../core/decision/explain.ts'
import type { Playbook } from '../../core/decision/playbook.ts'
import type { Trace } from '../../core/decision/verdict.ts'
import type { Model } from '../../core/learning/model.ts'
import type { Actors } from '../actors/actors.ts'
import type { Calendar, Clock, Observer } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { Answerer, type SignToken } from './answerer.ts'
import type { DecisionLog } from './decision-log.ts'
import { Exposures } from './exposures.ts'
import { answerBot, type ForBotsDependencies } from './for-bots.ts'
import { Given } from './given.ts'
import { GrantWriter, type GrantWriterDependencies } from './grant-writer.ts'
import { hold, positionOf } from './held-shards.ts'
import { after, type Maybe } from './maybe.ts'
import {
  encodePeerAnswer,
  type GivenQuestion,
  type PeerAnswer,
  type PeerQuestion,
  readPeerQuestion,
  type VisitorQuestion,
} from './peer-messages.ts'
import type { Peers } from './peers.ts'
import type { Playbooks } from './playbooks.ts'
import { type Found, Profiler } from './profiler.ts'
import { Strict } from './strict.ts'
import { type Ends, Walk } from './walk.ts'

export interface DeciderDependencies {
  /** Id of this node. */
  readonly node: string
  /** The shards that this node holds, by number. */
  readonly shards: readonly (Shard | undefined)[]
  readonly playbooks: Playbooks
  readonly actors: Actors
  readonly clock: Clock
  readonly calendar: Calendar
  readonly observer: Observer
  /** What identifiers may be of, now. */
  readonly namespaces: () => Namespaces
  readonly sign: SignToken
  /** What was learnt, as far as this node knows. */
  readonly model: () => Model
  readonly decisionLog: Pick<DecisionLog, 'note'>
  /** Epoch of the shard map. */
  readonly epoch: () => number
  /** The nodes that hold the other shards. */
  readonly peers: Pick<Peers, 'branch' | 'passOn' | 'give'>
  /** Whether a record counts everywhere. */
  readonly spread: (question: SpreadQuestion) => Promise<SpreadAnswer>
  /** The primary of a shard, where this node leads it. */
  readonly leaderOf: GrantWriterDependencies['leaderOf']
  /** Whether what a shard has for others was in their logs within the last second. */
  readonly isSent: (shard: number) => boolean
}

/** Answers frames of questions from memory. Nothing that it is asked makes it throw. */
export class Decider {
  readonly profiler: Profiler
  private readonly uses: DeciderDependencies
  private readonly given: Given
  private readonly exposures: Exposures
  private readonly answerer: Answerer
  private readonly walk: Walk
  private readonly forBots: ForBotsDependencies

  constructor(uses: DeciderDependencies) {
    this.uses = uses
    const playbookOf = (shard: Shard) => this.playbookOf(shard)
    const { shards, clock, calendar, observer, peers, leaderOf } = uses
    const writer = new GrantWriter({ leaderOf, observer })
    this.given = new Given({ writer, peers, clock, observer })
    this.exposures = new Exposures({ shards, clock, given: this.given })
    const { exposures } = this
    const strict = new Strict({ writer, exposures, calendar, clock })
    const leads = (shard: number) => writer.leads(shard)
    this.answerer = new Answerer({ ...uses, playbookOf, leads, exposures, strict })
    this.profiler = new Profiler(uses)
    this.walk = new Walk({ ...uses, playbookOf, profiler: this.profiler })
    this.forBots = { ...uses, playbookOf }
  }

  /** At once where everything is here and every position reached; a promise otherwise. */
  answerFrame(bytes: Uint8Array): Maybe<Uint8Array> {
    try {
      const questions = parseQuestions(decode(bytes), this.uses.namespaces())
      const answers = questions.map((one) =>
        one.kind === 'error' ? this.failed(one) : this.answer(one),
      )
      const encoded = answers.every(isReady)
        ? this.encodeFrame(answers)
        : Promise.all(answers).then((all) => this.encodeFrame(all))
      this.uses.actors.makeRoom()
      return encoded
    } catch (error) {
      return this.encodeFrame([this.failure(error)])
    }
  }

  /** What another node asks. */
  answerPeer(bytes: Uint8Array): Maybe<Uint8Array> {
    const answer = this.attempt<PeerAnswer>(() => {
      const question = readPeerQuestion(bytes, this.uses.namespaces())
      return this.answerPeerQuestion(question)
    })
    this.uses.actors.makeRoom()
    return after(answer, encodePeerAnswer)
  }

  answer(question: Question): Maybe<Answer> {
    return this.attempt<Answer>(() =>
      question.kind === 'await'
        ? this.answerAwait(question)
        : question.kind === 'spread'
          ? this.uses.spread(question)
          : question.kind === 'decide' && question.isBot === true
            ? answerBot(question, this.forBots)
            : this.walk.start(question, this.endsOf(question)),
    )
  }

  /**
   * A decide with its reasons. Changes nothing, and counts nowhere.
   * Rejects or throws a HalfsecondError as `answer` would tell.
   */
  explain(question: DecideQuestion): Maybe<Explained> {
    return this.walk.start(question, {
      answer: (ending) => {
        const traces = new Map<string, Trace>()
        const answer = this.answerer.explain(question, ending, traces)
        const { playbook } = this.playbookOf(ending.shard)
        return { answer, playbook, traces, members: ending.members }
      },
    })
  }

  /** Decides for somebody who was found already, and did not ask. */
  decideFor(question: DecideQuestion, found: Found): Maybe<DecideAnswer> {
    return this.answerer.decide(question, { ...found, reset: undefined })
  }

  /** What waits for the log is not tried again. */
  close(): void {
    this.given.close()
  }

  private answerPeerQuestion(question: PeerQuestion): Maybe<PeerAnswer> {
    switch (question.kind) {
      case 'branch':
        return this.walk.branch(question)
      case 'onward':
        return this.walk.continue<Answer>(question, this.endsOf(question.question))
      case 'given':
        return this.take(question)
    }
  }

  private async take(question: GivenQuestion): Promise<PeerAnswer> {
    const { shards } = this.uses
    const shard = hold(shards, shardOf(identifierIn(question.root), shards.length))
    const { playbook } = this.playbookOf(shard)
    if (!(await this.exposures.take(shard, question, playbook)))
      throw new HalfsecondError('UNAVAILABLE', 'the log does not take what was given')
    return { kind: 'given' }
  }

  private endsOf(question: VisitorQuestion): Ends<Answer> {
    return {
      answer: (ending) =>
        question.kind === 'decide'
          ? this.answerer.decide(question, ending)
          : this.answerer.profile(question, ending),
      passOn: async (shard, onward, leftMs, reset) => {
        const answer = await this.uses.peers.passOn(shard, onward, leftMs)
        const isToTell = answer?.kind === 'decision' || answer?.kind === 'profile'
        return isToTell && reset !== undefined
          ? { ...answer, positionReset: true, position: reset }
          : answer
      },
    }
  }

  private answerAwait({ position, deadline }: AwaitQuestion): Maybe<Answer> {
    const [number, incarnation, sequence] = position
    const shard = hold(this.uses.shards, number)
    if (incarnation !== shard.state.incarnation) {
      return this.failed(errorAnswer('INVALID', 'the position is of an earlier life of the log'))
    }
    if (sequence <= shard.state.applied) return { kind: 'reached', position: positionOf(shard) }
    return shard
      .reached(sequence, Math.min(deadline, bounds.deadlineMs))
      .then((isReached) =>
        isReached
          ? { kind: 'reached', position: positionOf(shard) }
          : this.failed(
              errorAnswer(
                'NOT_CAUGHT_UP',
                `shard ${number} is at ${shard.state.applied}, not yet at ${sequence}`,
              ),
            ),
      )
  }

  private playbookOf(shard: Shard): { readonly version: number; readonly playbook: Playbook } {
    const active = this.uses.playbooks.at(shard.state.playbook.version)
    if (active === undefined) {
      throw new HalfsecondError(
        'UNAVAILABLE',
        'no playbook is active: publish one with `halfsecond playbook publish FILE`',
      )
    }
    return active
  }

  private encodeFrame(answers: readonly Answer[]): Uint8Array {
    const frame: AnswerFrame = { v: wireVersion, epoch: this.uses.epoch(), answers }
    const bytes = encode(frame)
    if (bytes.length <= bounds.answerFrameBytes) return bytes
    const tooLarge = errorAnswer(
      'TOO_LARGE',
      'the answers of this frame exceed a message: ask for fewer placements at once',
    )
    return encode({ ...frame, answers: answers.map(() => tooLarge) })
  }

  /** Whatever goes wrong, at once or later, is an answer too. */
  private attempt<T extends PeerAnswer>(act: () => Maybe<T>): Maybe<T | Answer> {
    try {
      const answer = act()
      return answer instanceof Promise
        ? answer.catch((error: unknown) => this.failure(error))
        : answer
    } catch (error) {
      return this.failure(error)
    }
  }

  private failure(thrown: unknown): Answer {
    const { code, message } = toHalfsecondError(thrown, 'UNAVAILABLE', 'the node failed to decide')
    if (!(thrown instanceof HalfsecondError)) this.uses.observer.noted('error', message)
    return this.failed(errorAnswer(code, message))
  }

  private failed<T extends Answer>(answer: T): T {
    if (answer.kind === 'error') this.uses.observer.questionFailed(answer.error.code)
    return answer
  }
}

function isReady(answer: Maybe<Answer>): answer is Answer {
  return !(answer instanceof Promise)
}
