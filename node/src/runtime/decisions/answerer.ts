import {
  type DecideAnswer,
  type DecideQuestion,
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
import type { Calendar, Clock, Observer } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import type { DecisionLog } from './decision-log.ts'
import { positionOf } from './held-shards.ts'
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
}

/** Makes the answer to a question of the profile that was found. */
export class Answerer {
  private readonly uses: AnswererDependencies

  constructor(uses: AnswererDependencies) {
    this.uses = uses
  }

  /** @param traces filled with reasons where somebody asks for them: then nothing is counted or logged */
  decide(question: DecideQuestion, ending: Ending, traces?: Map<string, Trace>): DecideAnswer {
    const { clock, calendar, observer, namespaces, playbookOf } = this.uses
    const started = clock.monotonic()
    const { shard, profile } = ending
    const { version, playbook } = playbookOf(shard)
    const now = clock.now()
    const known = question.placements.map((name) => playbook.placements.get(name) ?? name)
    const request = { placements: known.filter(isPlacement), now, exposures: [] }
    const choices = decide(profile, request, playbook, calendar, traces)
    const key = keyOf(question, namespaces())
    const placements = known.map((placement) =>
      this.answerPlacement(placement, choices, question.decision, key, version, now),
    )
    const head = headOf(ending)
    if (traces === undefined) {
      const seconds = (clock.monotonic() - started) / 1000
      for (const { placement, reason } of choices)
        observer.decided(placement.channel, reason, head.freshness, seconds)
      for (const one of placements) if ('error' in one) observer.questionFailed(one.error.code)
      this.log(question, ending, key, request, choices)
    }
    const { decision } = question
    return { kind: 'decision', decision, playbook: version, ...head, placements }
  }

  private log(
    { decision, positions, pending }: DecideQuestion,
    ending: Ending,
    key: Identifier,
    request: DecideRequest,
    choices: readonly Choice[],
  ): void {
    if (choices.length === 0) return
    const { node, decisionLog, playbookOf } = this.uses
    const { shard, profile, members, versionOf, isFresh } = ending
    const { version, playbook } = playbookOf(shard)
    decisionLog.note({
      decision,
      node,
      key,
      members,
      versionOf,
      request,
      positions,
      pending: pending.length,
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
