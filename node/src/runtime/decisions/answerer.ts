import {
  type DecideAnswer,
  type DecideQuestion,
  fallbackName,
  HalfsecondError,
  type Identifier,
  type KnownTrait,
  type Namespaces,
  type PlacementAnswer,
  type PlacementError,
  type ProfileAnswer,
  type ProfileQuestion,
  printable,
} from '@halfsecond/protocol'
import { type Choice, type DecideRequest, decide } from '../../core/decision/decide.ts'
import type { Placement, Playbook } from '../../core/decision/playbook.ts'
import type { Trace } from '../../core/decision/verdict.ts'
import type { Model } from '../../core/learning/model.ts'
import type { Calendar, Clock, Observer } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import type { DecisionLog } from './decision-log.ts'
import { type Exposed, type Exposures, rootOf } from './exposures.ts'
import { positionOf } from './held-shards.ts'
import type { Maybe } from './maybe.ts'
import { Pending } from './pending.ts'
import { isStrict, type Strict } from './strict.ts'
import { type Ending, keyOf } from './walk.ts'

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
  readonly trial: string | undefined
  readonly arms: readonly string[] | undefined
}) => string

export interface AnswererDependencies {
  /** Id of this node. */
  readonly node: string
  readonly clock: Clock
  readonly calendar: Calendar
  readonly observer: Observer
  readonly namespaces: () => Namespaces
  readonly sign: SignToken
  readonly decisionLog: Pick<DecisionLog, 'note'>
  /** What a shard decides by. @throws HalfsecondError `UNAVAILABLE` without a playbook */
  readonly playbookOf: (shard: Shard) => { readonly version: number; readonly playbook: Playbook }
  /** Whether this node leads a shard. */
  readonly leads: (shard: number) => boolean
  readonly exposures: Pick<Exposures, 'of' | 'give'>
  readonly strict: Pick<Strict, 'granted'>
  /** What was learnt, as far as this node knows. */
  readonly model: () => Model
}

/** A question, with what it is decided by. */
interface Asked extends Exposed {
  readonly question: DecideQuestion
  readonly ending: Ending
  readonly key: Identifier
  /** The placements asked for; of those that are unknown the name. */
  readonly known: readonly (Placement | string)[]
  readonly playbook: Playbook
  readonly version: number
  readonly model: Model
  readonly now: number
}

/**
 * A standby grants nothing. Where a strict limit may be asked for it lets the primary, who was asked
 * first and has to write to the log, answer before it; nobody waits longer where that is gone.
 */
const behindPrimaryMs = 100

type Circumstances = Pick<DecideRequest, 'isPrimary' | 'refused'>

/** Makes the answer to a question of the profile that was found. */
export class Answerer {
  private readonly uses: AnswererDependencies

  constructor(uses: AnswererDependencies) {
    this.uses = uses
  }

  /** At once, unless a strict limit has to be asked for. */
  decide(question: DecideQuestion, ending: Ending): Maybe<DecideAnswer> {
    const { clock, strict, leads } = this.uses
    const started = clock.monotonic()
    const asked = this.asked(question, ending)
    const isPrimary = leads(ending.shard.number)
    const request = this.requestOf(asked, { isPrimary })
    const choices = this.choose(asked, request)
    if (!isPrimary && request.placements.some((placement) => placement.isStrict))
      return new Promise((resolve) => {
        clock.after(behindPrimaryMs, () => resolve(this.give(asked, request, choices, started)))
      })
    if (!isStrict(choices, asked.playbook)) return this.give(asked, request, choices, started)
    const decide = (given: Circumstances) => this.choose(asked, this.requestOf(asked, given))
    const { decision, deadline } = question
    const { shard, profile } = ending
    const { key, root, members, playbook } = asked
    const wanted = { decision, key, deadline, shard, profile, root, members, playbook, decide }
    return strict.granted(wanted, choices).then(({ choices: granted, ...given }) =>
      // What the profile holds by now, its grants among it, is what they follow from.
      this.give(asked, this.requestOf(asked, given), granted, started),
    )
  }

  /**
   * As the primary would decide now. Gives nothing, and counts nowhere.
   * @param traces filled with reasons
   */
  explain(question: DecideQuestion, ending: Ending, traces: Map<string, Trace>): DecideAnswer {
    const asked = this.asked(question, ending)
    const request = this.requestOf(asked, { isPrimary: true })
    return this.answer(asked, this.choose(asked, request, traces))
  }

  private asked(question: DecideQuestion, ending: Ending): Asked {
    const { clock, playbookOf, namespaces } = this.uses
    const { shard, members } = ending
    const { version, playbook } = playbookOf(shard)
    const known = question.placements.map((name) => playbook.placements.get(name) ?? name)
    const key = keyOf(question, namespaces())
    const root = rootOf(members, namespaces()) ?? key
    const now = clock.now()
    const model = this.uses.model()
    return { question, ending, shard, root, members, key, known, playbook, version, model, now }
  }

  private requestOf(asked: Asked, given: Circumstances): DecideRequest {
    const { question, known, model, now } = asked
    const exposures = this.uses.exposures.of(asked, question.decision, () =>
      Pending.read(question.pending, this.uses.namespaces()),
    )
    const placements = known.filter(isPlacement)
    return { placements, now, exposures, seed: question.decision, model, ...given }
  }

  private choose(
    { ending, playbook }: Asked,
    request: DecideRequest,
    traces?: Map<string, Trace>,
  ): readonly Choice[] {
    return decide(ending.profile, request, playbook, this.uses.calendar, traces)
  }

  private give(
    asked: Asked,
    request: DecideRequest,
    choices: readonly Choice[],
    started: number,
  ): DecideAnswer {
    const { clock, observer, exposures } = this.uses
    const { question, playbook, now: at } = asked
    const answer = this.answer(asked, choices)
    const seconds = (clock.monotonic() - started) / 1000
    for (const { placement, reason } of choices)
      observer.decided(placement.channel, reason, answer.freshness, seconds)
    for (const one of answer.placements) if ('error' in one) observer.questionFailed(one.error.code)
    this.log(asked, request, choices)
    exposures.give(asked, { decision: question.decision, key: asked.key, at, playbook, choices })
    return answer
  }

  private answer(asked: Asked, choices: readonly Choice[]): DecideAnswer {
    const { question, ending, known, version, model } = asked
    const { decision } = question
    const placements = known.map((placement) => this.answerPlacement(placement, choices, asked))
    const head = headOf(ending)
    return model.version > 0 && known.some(isLearning)
      ? { kind: 'decision', decision, playbook: version, model: model.version, ...head, placements }
      : { kind: 'decision', decision, playbook: version, ...head, placements }
  }

  private log(asked: Asked, request: DecideRequest, choices: readonly Choice[]): void {
    if (choices.length === 0) return
    const { node, decisionLog } = this.uses
    const { question, ending, key, playbook, version } = asked
    const { shard, profile, members, versionOf, isFresh } = ending
    decisionLog.note({
      decision: question.decision,
      node,
      key,
      members,
      versionOf,
      request,
      positions: question.positions,
      pending: question.pending.length,
      position: positionOf(shard),
      isFresh,
      playbook,
      playbookVersion: version,
      profile,
      choices,
    })
  }

  /** @throws HalfsecondError `FORBIDDEN` for a trait that the playbook does not let the channel read */
  profile({ channel, traits: names }: ProfileQuestion, ending: Ending): ProfileAnswer {
    const { playbook, version } = this.uses.playbookOf(ending.shard)
    const readable = playbook.readable.get(channel)
    const traits: { [name: string]: KnownTrait } = {}
    for (const name of names) {
      if (readable?.has(name) !== true)
        throw new HalfsecondError(
          'FORBIDDEN',
          `playbook ${version} does not let ${printable(channel)} read "${printable(name)}": list it under profile`,
        )
      const register = ending.profile.traits?.get(name)
      if (register?.value === undefined) continue
      const { value, at, channel: from, source } = register
      traits[name] = {
        value,
        at,
        ...(from !== undefined && { channel: from }),
        ...(source !== undefined && { source }),
      }
    }
    return { kind: 'profile', ...headOf(ending), traits }
  }

  private answerPlacement(
    placement: Placement | string,
    choices: readonly Choice[],
    { question: { decision }, key, version: playbook, now }: Asked,
  ): PlacementAnswer | PlacementError {
    const choice = choices.find((one) => one.placement === placement)
    if (typeof placement === 'string' || choice === undefined) {
      const name = typeof placement === 'string' ? placement : placement.name
      return unknownPlacement(name, playbook)
    }
    const { name, tokenMs } = placement
    const { reason, arms, isTried } = choice
    const times = { playbook, decidedAt: now, expiresAt: now + tokenMs }
    const propositions = choice.propositions.map(({ content, offer, treatment, trial }) => {
      const isDefault = offer === undefined || treatment === undefined
      if (isDefault && isTried !== true) return { content }
      const shown = isDefault ? undefined : { offer, treatment }
      const said = { decision, key, placement: name, ...(shown ?? defaultShown), ...times }
      return { content, ...shown, token: this.uses.sign({ ...said, trial, arms }) }
    })
    return { placement: name, reason, propositions }
  }
}

/** What is shown where no offer is. */
const defaultShown = { offer: fallbackName, treatment: fallbackName }

function isLearning(placement: Placement | string): boolean {
  return typeof placement !== 'string' && placement.learning !== undefined
}

export function unknownPlacement(placement: string, playbook: number): PlacementError {
  const message = `playbook ${playbook} has no placement "${printable(placement)}"`
  return { placement, error: { code: 'UNKNOWN_PLACEMENT', message } }
}

function headOf({
  shard,
  isFresh,
  reset,
}: Ending): Pick<DecideAnswer, 'freshness' | 'positionReset' | 'position'> {
  return {
    freshness: isFresh ? 'fresh' : 'stale',
    ...(reset !== undefined && { positionReset: true as const }),
    position: reset ?? positionOf(shard),
  }
}

function isPlacement(placement: Placement | string): placement is Placement {
  return typeof placement !== 'string'
}
