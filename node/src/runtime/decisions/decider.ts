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
  greatest,
  HalfsecondError,
  type Identifier,
  type Namespaces,
  type PlacementAnswer,
  type PlacementError,
  parseQuestions,
  printable,
  type Question,
  shardOf,
  toHalfsecondError,
  type WirePosition,
  wireVersion,
} from '@halfsecond/protocol'
import { type Choice, decide, type Trace } from '../../core/decision/decide.ts'
import type { Placement, Playbook } from '../../core/decision/playbook.ts'
import { profileOf } from '../../core/decision/profile.ts'
import type { FragmentRecord } from '../../core/fragment/evolve.ts'
import { initialFragment } from '../../core/fragment/fragment.ts'
import type { Actors } from '../actors/actors.ts'
import type { Calendar, Clock, Observer } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { readPending } from './pending.ts'
import type { Playbooks } from './playbooks.ts'

/** Makes the signed token of a proposition. */
export type SignToken = (token: {
  readonly decision: string
  readonly key: Identifier
  readonly placement: string
  readonly offer: string
  readonly treatment: string
  readonly playbook: number
  readonly decidedAt: number
  readonly expiresAt: number
}) => string

export interface DeciderDependencies {
  /** The shards that this node holds, by number. */
  readonly shards: readonly (Shard | undefined)[]
  readonly playbooks: Playbooks
  readonly actors: Actors
  readonly clock: Clock
  readonly calendar: Calendar
  readonly observer: Observer
  readonly namespaces: Namespaces
  readonly sign: SignToken
  /** Epoch of the shard map. */
  readonly epoch: () => number
}

/** What one decision did and why, for a person to read. */
export interface Explained {
  readonly answer: DecideAnswer
  readonly playbook: Playbook
  /** By placement. */
  readonly traces: ReadonlyMap<string, Trace>
}

/** Answers frames of questions from memory. Nothing that it is asked makes it throw. */
export class Decider {
  private readonly uses: DeciderDependencies

  constructor(uses: DeciderDependencies) {
    this.uses = uses
  }

  /** At once where every position is reached; a promise otherwise. */
  answerFrame(bytes: Uint8Array): Uint8Array | Promise<Uint8Array> {
    try {
      const questions = parseQuestions(decode(bytes), this.uses.namespaces)
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

  answer(question: Question): Answer | Promise<Answer> {
    try {
      switch (question.kind) {
        case 'decide':
          return this.answerDecide(question)
        case 'await':
          return this.answerAwait(question)
        case 'profile':
          return this.failed(errorAnswer('UNAVAILABLE', 'this node does not tell profiles yet'))
      }
    } catch (error) {
      return this.failure(error)
    }
  }

  /** A decide with its reasons. Changes nothing, and counts nowhere. @throws HalfsecondError as `answer` would tell */
  explain(question: DecideQuestion): Explained {
    const traces = new Map<string, Trace>()
    const { shard, key } = this.enter(question)
    const { playbook } = this.playbookOf(shard)
    const pending = readPending(question.pending, key, shard.state, this.uses.namespaces)
    const answer = this.decideNow(question, shard, key, pending, true, false, traces)
    return { answer, playbook, traces }
  }

  private answerDecide(question: DecideQuestion): Answer | Promise<Answer> {
    const { shard, key } = this.enter(question)
    const pending = readPending(question.pending, key, shard.state, this.uses.namespaces)
    const { sequence, isReset } = positionIn(question.positions, shard)
    if (sequence <= shard.state.applied)
      return this.decideNow(question, shard, key, pending, true, isReset)
    const timeout = Math.min(bounds.positionWaitMs, question.deadline / 4)
    return shard.reached(sequence, timeout).then((isReached) => {
      try {
        const unseen = readPending(question.pending, key, shard.state, this.uses.namespaces)
        return this.decideNow(question, shard, key, unseen, isReached, isReset)
      } catch (error) {
        return this.failure(error)
      }
    })
  }

  private answerAwait({ position, deadline }: AwaitQuestion): Answer | Promise<Answer> {
    const [number, incarnation, sequence] = position
    const shard = this.hold(number)
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

  private enter(question: DecideQuestion): { shard: Shard; key: Identifier } {
    const key = greatest(question.identifiers, this.uses.namespaces)
    if (key === undefined)
      throw new HalfsecondError('INVALID', 'a decide names at least one identifier')
    return { shard: this.hold(shardOf(key, this.uses.shards.length)), key }
  }

  private hold(number: number): Shard {
    const shard = this.uses.shards[number]
    if (shard === undefined)
      throw new HalfsecondError(
        'MOVED',
        `this node does not hold shard ${number}: refresh the shard map`,
      )
    if (shard.isStopped || shard.status === 'recovering') {
      throw new HalfsecondError(
        'UNAVAILABLE',
        shard.stopped === '' ? `shard ${number} is being recovered` : shard.stopped,
      )
    }
    return shard
  }

  private playbookOf(shard: Shard): { version: number; playbook: Playbook } {
    const active = this.uses.playbooks.at(shard.state.playbook.version)
    if (active === undefined) {
      throw new HalfsecondError(
        'UNAVAILABLE',
        'no playbook is active: publish one with `halfsecond playbook publish FILE`',
      )
    }
    return active
  }

  private decideNow(
    question: DecideQuestion,
    shard: Shard,
    key: Identifier,
    pending: readonly FragmentRecord[],
    isReached: boolean,
    isReset: boolean,
    /** Filled with reasons where somebody asks for them: then nothing is counted. */
    traces?: Map<string, Trace>,
  ): DecideAnswer {
    const started = this.uses.clock.monotonic()
    const { version, playbook } = this.playbookOf(shard)
    const now = this.uses.clock.now()
    const known = question.placements.map((name) => playbook.placements.get(name) ?? name)
    const fragment = shard.read(key) ?? initialFragment(key)
    // The log will give them no earlier time than its last, however late this node's clock is.
    const latest = Math.max(now, shard.logTime)
    const profile = profileOf(fragment, playbook.features, pending, latest, shard.memory)
    shard.memory.used(key)
    const choices = decide(
      profile,
      known.filter(isPlacement),
      playbook,
      this.uses.calendar,
      now,
      traces,
    )
    const freshness = isReached && shard.isFresh ? 'fresh' : 'stale'
    const placements = known.map((placement) =>
      this.answerPlacement(placement, choices, question.decision, key, version, now),
    )
    if (traces === undefined) {
      const seconds = (this.uses.clock.monotonic() - started) / 1000
      for (const { placement, reason } of choices)
        this.uses.observer.decided(placement.channel, reason, freshness, seconds)
      for (const one of placements)
        if ('error' in one) this.uses.observer.questionFailed(one.error.code)
    }
    return {
      kind: 'decision',
      decision: question.decision,
      playbook: version,
      freshness,
      ...(isReset && { positionReset: true }),
      position: positionOf(shard),
      placements,
    }
  }

  private answerPlacement(
    placement: Placement | string,
    choices: readonly Choice[],
    decision: string,
    key: Identifier,
    playbook: number,
    now: number,
  ): PlacementAnswer | PlacementError {
    const choice = choices.find((one) => one.placement === placement)
    if (typeof placement === 'string' || choice === undefined) {
      const name = typeof placement === 'string' ? placement : placement.name
      const message = `playbook ${playbook} has no placement "${printable(name)}"`
      return { placement: name, error: { code: 'UNKNOWN_PLACEMENT', message } }
    }
    const propositions = choice.propositions.map(({ content, offer, treatment }) => {
      if (offer === undefined || treatment === undefined) return { content }
      const expiresAt = now + placement.tokenMs
      const token = this.uses.sign({
        decision,
        key,
        placement: placement.name,
        offer,
        treatment,
        playbook,
        decidedAt: now,
        expiresAt,
      })
      return { content, offer, treatment, token }
    })
    return { placement: placement.name, reason: choice.reason, propositions }
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

function isReady(answer: Answer | Promise<Answer>): answer is Answer {
  return !(answer instanceof Promise)
}

function isPlacement(placement: Placement | string): placement is Placement {
  return typeof placement !== 'string'
}

function positionOf(shard: Shard): WirePosition {
  const { incarnation, applied } = shard.state
  return [shard.number, incarnation, applied]
}

/** The greatest sequence that the positions demand of this shard. */
function positionIn(
  positions: readonly WirePosition[],
  shard: Shard,
): { sequence: number; isReset: boolean } {
  let sequence = 0
  let isReset = false
  for (const [number, incarnation, wanted] of positions) {
    if (number !== shard.number) continue
    if (incarnation !== shard.state.incarnation) isReset = true
    else if (wanted > sequence) sequence = wanted
  }
  return { sequence, isReset }
}
