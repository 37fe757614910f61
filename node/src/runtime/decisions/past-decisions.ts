import { fallbackName, fragmentName, HalfsecondError } from '@halfsecond/protocol'
import type { Token } from '@halfsecond/protocol/token'
import { explainPast } from '../../core/decision/explain-past.ts'
import type { Explanation } from '../../core/decision/explanation.ts'
import {
  headOf,
  type LoggedDecision,
  oneOfIn,
  readDecision,
  rederive,
} from '../../core/decision/logged-decision.ts'
import type { HeadView } from '../../core/person/head-view.ts'
import type { People } from '../people/people.ts'
import { type Calendar, type Clock, type Decisions, decisionPartitions } from '../ports.ts'
import { type DecisionLog, partitionOf } from './decision-log.ts'
import type { PastPlaybooks } from './past-playbooks.ts'

/** How far the clocks of nodes and of the log may be apart. */
const skewMs = 10_000

/** How late a decision may be appended: after that, it was hardly kept in memory so long. */
const lateMs = 600_000

/** Looked through for one decision: what a very busy minute logs. */
const soughtBytesMax = 256 * 1024 ** 2

/** As long as decisions are kept. */
const keptMs = 30 * 24 * 3_600_000

/** A decision of the past, made again; or why it cannot be. */
export type PastWhy =
  | {
      readonly kind: 'explained'
      /** Milliseconds since 1970. */
      readonly at: number
      /** Which node decided. */
      readonly node: string
      /** One of so many decisions was logged then. */
      readonly oneOf: number
      /** Whether it shows what was shown then. */
      readonly isSame: boolean
      /** Whether what was shown is what the token says. */
      readonly isAsTold: boolean
      /** Of all placements that were asked for together; the one of the token first. */
      readonly explanations: readonly Explanation[]
    }
  | {
      readonly kind: 'unknown'
      /** What is missing, and since when or why, in a sentence. */
      readonly text: string
    }

/** Decisions of some time, made again. */
export interface Verified {
  readonly decisions: number
  /** Those that show again what they showed. */
  readonly same: number
  /** Those that cannot be made again: their playbook is gone, or they were too large. */
  readonly unknown: number
  /** The first of those that show something else. */
  readonly different: readonly string[]
}

/** Named of those that differ: one is a bug already. */
const differentMax = 20

/** Made again between two turns of others: about a millisecond. */
const turnDecisions = 32

export interface PastDecisionsDependencies {
  readonly decisions: Decisions
  /** Of this node: what it decided a moment ago is written before it is looked for. */
  readonly decisionLog: Pick<DecisionLog, 'flush'>
  readonly shards: number
  readonly playbooks: Pick<PastPlaybooks, 'at'>
  readonly people: Pick<People, 'head' | 'fragmentsOf'>
  readonly calendar: Calendar
  readonly clock: Clock
}

interface Sought {
  readonly logged: LoggedDecision | undefined
  /** The smallest share that was logged around then: one of so many. */
  readonly oneOf: number
}

/** Makes decisions of the past again, from what was logged of them. */
export class PastDecisions {
  private readonly uses: PastDecisionsDependencies

  constructor(uses: PastDecisionsDependencies) {
    this.uses = uses
  }

  /**
   * The decision that a token is from. Rejects with `FORBIDDEN` where whoever it was about was erased
   * since, and with `UNAVAILABLE`.
   * @param token whose signature was checked
   */
  async explain(token: Token): Promise<PastWhy> {
    const isRecent = this.uses.clock.now() - token.decidedAt < skewMs
    // Where that fails it is not found, and that is said.
    if (isRecent) await this.uses.decisionLog.flush().catch(() => undefined)
    const { logged, oneOf } = await this.seek(token)
    if (logged === undefined) {
      const epochs = await this.uses.people.fragmentsOf(token.key)
      await this.refuseErased(epochs, token)
      return { kind: 'unknown', text: this.missing(token, oneOf) }
    }
    await this.refuseErased([token.key, ...logged.members.map(({ id }) => id)], token)
    const version = logged.playbookVersion
    const playbook = await this.uses.playbooks.at(version)
    if (playbook === undefined)
      return unknown(`It was decided by playbook version ${version}, whose text is gone.`)
    const again = rederive(logged, playbook, this.uses.calendar)
    if (again === undefined)
      return unknown(
        logged.stored === undefined
          ? 'What was known of the visitor was too large to be logged.'
          : `This version of halfsecond reads playbook version ${version} in another way than the one that decided.`,
      )
    const explanations = explainPast(logged, again, playbook, timeIn(again.zone, logged.at))
    return {
      kind: 'explained',
      at: logged.at,
      node: logged.node,
      oneOf: logged.oneOf,
      isSame: again.isSame,
      isAsTold: isAsTold(logged, token),
      explanations: [
        ...explanations.filter(({ placement }) => placement === token.placement),
        ...explanations.filter(({ placement }) => placement !== token.placement),
      ],
    }
  }

  /**
   * Makes all decisions that were logged from one time to another again, in milliseconds since 1970.
   * Rejects with `UNAVAILABLE`.
   */
  async verify(from: number, to: number): Promise<Verified> {
    const { decisions, playbooks, calendar, clock } = this.uses
    let [count, same, unknown] = [0, 0, 0]
    const different: string[] = []
    for (let partition = 0; partition < decisionPartitions; partition++) {
      for await (const entry of decisions.find(partition, from, to)) {
        if (++count % turnDecisions === 0) await new Promise<void>((done) => clock.soon(done))
        const logged = headOf(entry) && readDecision(entry)
        const playbook = logged && (await playbooks.at(logged.playbookVersion))
        const again = playbook && rederive(logged, playbook, calendar)
        if (again === undefined) unknown++
        else if (again.isSame) same++
        else if (different.length < differentMax) different.push(logged?.decision ?? '')
      }
    }
    return { decisions: count, same, unknown, different }
  }

  private async seek(token: Token): Promise<Sought> {
    const { decisions, shards } = this.uses
    const { decision, decidedAt } = token
    const from = decidedAt - skewMs
    const id = Buffer.from(decision)
    let oneOf = 1
    let bytes = 0
    let other: LoggedDecision | undefined
    for await (const entry of decisions.find(
      partitionOf(token.key, shards),
      from,
      decidedAt + lateMs,
    )) {
      bytes += entry.length
      if (bytes > soughtBytesMax) break
      oneOf = Math.max(oneOf, oneOfIn(entry))
      // Most entries are others': looking for the bytes is far cheaper than decoding.
      if (!asBuffer(entry).includes(id)) continue
      const head = headOf(entry)
      if (head?.decision !== decision || head.key !== token.key) continue
      const logged = readDecision(entry)
      if (isAsTold(logged, token)) return { logged, oneOf }
      // A client that asked two nodes: the token is of the other answer, or of an answer that is lost.
      other = logged
    }
    return { logged: other, oneOf }
  }

  private missing({ decidedAt }: Token, oneOf: number): string {
    const age = this.uses.clock.now() - decidedAt
    if (age > keptMs) return 'Decisions are kept for 30 days, and this one is older.'
    if (oneOf > 1) return `Only one of ${oneOf} decisions was logged then, and not this one.`
    if (age < skewMs) return 'It is not in the decision log yet: ask again in a second.'
    return 'It is not in the decision log: it was dropped for newer ones, or its node was lost before it was written.'
  }

  private async refuseErased(ids: Iterable<HeadView['id']>, token: Token): Promise<void> {
    const { people } = this.uses
    for (const id of new Set(ids)) {
      const head = await people.head(id)
      if (head?.erasures.some(({ at }) => Date.parse(at) >= token.decidedAt) === true)
        throw new HalfsecondError(
          'FORBIDDEN',
          `${fragmentName(id)} was erased after this decision: nothing is told of it any more`,
        )
    }
  }
}

function unknown(text: string): PastWhy {
  return { kind: 'unknown', text }
}

function isAsTold(
  { at, choices }: LoggedDecision,
  { decidedAt, placement, offer, treatment }: Token,
): boolean {
  if (at !== decidedAt) return false
  const choice = choices.find((one) => one.placement === placement)
  if (choice === undefined) return false
  // Default content with a token is no proposition in the log.
  if (offer === fallbackName) return choice.propositions.length === 0
  return choice.propositions.some((one) => one.offer === offer && one.treatment === treatment)
}

/** `27 November 2026 at 14:03` */
function timeIn(zone: string, at: number): string {
  const style = { dateStyle: 'long', timeStyle: 'short' } as const
  try {
    return new Intl.DateTimeFormat('en-GB', { ...style, timeZone: zone }).format(at)
  } catch {
    // As for every rule: an unknown zone counts as UTC.
    return new Intl.DateTimeFormat('en-GB', { ...style, timeZone: 'UTC' }).format(at)
  }
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length)
}
