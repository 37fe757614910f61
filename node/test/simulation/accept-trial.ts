import {
  type Answer,
  builtInNamespaces,
  type ChannelRecord,
  type DecideAnswer,
  decodeAnswers,
  encode,
  encodeBatch,
  greatest,
  type Identifier,
  parseIdentifier,
  type Question,
  type ShardMap,
  shardOf,
  spreadMs,
  subjects,
  type WirePosition,
} from '@halfsecond/protocol'
import type { Bus, Clock } from '../../src/runtime/ports.ts'
import type { Dice } from './dice.ts'
import { shardCount } from './schedule.ts'
import { dealCount } from './simulation.ts'

const deadlineMs = 400
const triesMax = 20
const pauseMs = 50

export interface AcceptWorld {
  readonly time: Clock
  readonly dice: Dice
  readonly bus: Bus
  /** The newest that was heard of. */
  readonly map: () => ShardMap | undefined
  readonly append: (shard: number, bytes: Uint8Array) => Promise<number>
}

/** One acceptance, and the decision after it. */
export interface Trial {
  /** Whether it was known to count everywhere before. */
  readonly isConfirmed: boolean
  /** What must not have been. */
  readonly violation: string | undefined
}

/**
 * One person: what they are known by is linked, they accept one offer after the other, each on any
 * channel, and right after it another one asks what to show them. Where the acceptance was confirmed, by
 * any of their identifiers and at any replica; else by the one that it is about, with its position. A
 * login that comes between is named like any server does that has just heard of it. Answers that say
 * themselves that they are of older facts are counted apart.
 */
export class AcceptingPerson {
  isDone = false
  readonly trials: Trial[] = []
  /** Acceptances that were not written, or after which nobody answered: nothing follows from them. */
  unanswered = 0
  /** Answers that said that they are of older facts, and those of them that offered what was accepted. */
  stale = 0
  staleOffers = 0
  private readonly name: string
  private readonly world: AcceptWorld
  private readonly others: readonly Identifier[]
  private readonly first: Identifier
  private readonly user: Identifier
  /** What everybody knows to be one person. */
  private members: readonly Identifier[]
  private readonly accepted: string[] = []
  private records = 0

  constructor(name: string, world: AcceptWorld) {
    this.name = name
    this.world = world
    const browser = (i: number) => parseIdentifier(`anon:t${name}-${i}`)
    const customer = world.dice.chance(0.3) ? [parseIdentifier(`crm:t${name}`)] : []
    this.first = browser(0)
    this.user = parseIdentifier(`user:t${name}`)
    this.others = [...[1, 2].slice(0, world.dice.below(3)).map(browser), ...customer]
    this.members = [this.first]
  }

  async run(): Promise<void> {
    const { dice } = this.world
    // Whether they log in before everything, or in the middle of something.
    const joinsAt = dice.chance(0.5) ? -1 : dice.below(dealCount)
    if (joinsAt < 0) await this.join([this.first, ...this.others])
    for (let deal = 0; deal < dealCount; deal++) {
      const trial = await this.accept(`deal${deal}`, deal === joinsAt)
      if (trial === undefined) this.unanswered++
      else this.trials.push(trial)
      if (deal === joinsAt) await this.join([this.first, ...this.others])
    }
    this.isDone = true
  }

  /** All of whom it is known everywhere by then are members. */
  private async join(others: readonly Identifier[]): Promise<void> {
    for (const one of others) {
      const linked = await this.link(one)
      if (linked === undefined || !(await this.untilSpread(one, linked))) continue
      this.members = [...new Set([...this.members, one, this.user])]
    }
  }

  private async accept(offer: string, joins: boolean): Promise<Trial | undefined> {
    const { dice } = this.world
    const key = dice.pick(this.members)
    const accepted = await this.record({
      ...{ kind: 'outcome', ...this.common(key), decision: `d${this.name}`, offer },
      ...{ placement: 'deal', treatment: 'script', outcome: 'accept' },
    })
    if (accepted === undefined) return undefined
    const isConfirmed = dice.chance(0.8) && (await this.spread(key, accepted))
    if (isConfirmed) this.accepted.push(offer)
    if (dice.chance(0.1)) await this.pause(dice.between(0, 2_000))
    const linked = joins ? await this.link(this.first) : undefined
    const asked = isConfirmed ? [dice.pick(this.members)] : [key]
    const who = linked ? [this.first, this.user] : asked
    const known = linked ? [linked] : isConfirmed ? [] : [accepted]
    const gone = isConfirmed ? this.accepted : [offer]
    const answer = await this.decide(who, known, gone)
    if (answer === undefined) return undefined
    const how = isConfirmed ? 'confirmed' : 'with its position'
    const violation = offers(answer, gone)
      ? `${offer} to ${who.join(' and ')} after ${key} accepted, ${how}`
      : undefined
    return { isConfirmed, violation }
  }

  private link(key: Identifier): Promise<WirePosition | undefined> {
    const strength = 'authenticated'
    return this.record({ kind: 'link', ...this.common(key), to: this.user, strength })
  }

  private common(key: Identifier) {
    return { id: `t${this.name}-${++this.records}`, key, at: this.world.time.now() }
  }

  private async record(record: ChannelRecord): Promise<WirePosition | undefined> {
    const shard = shardOf(record.key, shardCount)
    const bytes = encodeBatch(`t${this.name}`, this.records, [encode(record)])
    for (let tries = 0; tries < triesMax; tries++) {
      try {
        const sequence = await this.world.append(shard, bytes)
        const incarnation = this.world.map()?.shards[shard]?.incarnation
        if (incarnation !== undefined) return [shard, incarnation, sequence]
      } catch {
        // Sent again: the number makes that harmless.
      }
      await this.pause(pauseMs)
    }
    return undefined
  }

  private async spread(key: Identifier, position: WirePosition): Promise<boolean> {
    const primary = this.world.map()?.shards[position[0]]?.primary
    const question = { kind: 'spread', key, at: key, position, deadline: spreadMs } as const
    const answer = primary === undefined ? undefined : await this.ask(primary, question, spreadMs)
    return answer?.kind === 'spread' && answer.isEverywhere
  }

  private async untilSpread(key: Identifier, position: WirePosition): Promise<boolean> {
    for (let tries = 0; tries < triesMax; tries++) {
      if (await this.spread(key, position)) return true
      await this.pause(pauseMs)
    }
    return false
  }

  /** The first answer that is fresh, of any replica that clients may ask. */
  private async decide(
    identifiers: readonly Identifier[],
    positions: readonly WirePosition[],
    gone: readonly string[],
  ): Promise<DecideAnswer | undefined> {
    const { dice, time } = this.world
    const key = greatest(identifiers, builtInNamespaces) ?? ''
    for (let tries = 0; tries < triesMax; tries++) {
      const entry = this.world.map()?.shards[shardOf(key, shardCount)]
      if (entry !== undefined) {
        const question = {
          kind: 'decide' as const,
          decision: `t${this.name}-${tries}-${Math.floor(time.monotonic())}`,
          identifiers,
          placements: ['hero', 'deal'],
          deadline: deadlineMs,
          positions,
          pending: [],
        }
        const node = dice.pick([entry.primary, ...entry.standbys])
        const answer = await this.ask(node, question, deadlineMs)
        if (answer?.kind === 'decision' && answer.freshness === 'fresh') return answer
        if (answer?.kind === 'decision') {
          this.stale++
          if (offers(answer, gone)) this.staleOffers++
        }
      }
      await this.pause(pauseMs)
    }
    return undefined
  }

  private async ask(
    node: string,
    question: Question,
    timeoutMs: number,
  ): Promise<Answer | undefined> {
    try {
      const frame = encode({ v: 1, questions: [question] })
      const reply = await this.world.bus.request(subjects.decide(node), frame, timeoutMs)
      return decodeAnswers(reply).answers[0]
    } catch {
      return undefined
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.world.time.after(ms, resolve))
  }
}

function offers({ placements }: DecideAnswer, gone: readonly string[]): boolean {
  return placements.some(
    (one) =>
      'propositions' in one &&
      one.propositions.some(({ offer }) => offer !== undefined && gone.includes(offer)),
  )
}
