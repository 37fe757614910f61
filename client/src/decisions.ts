import { randomFillSync } from 'node:crypto'
import {
  type DecideAnswer,
  HalfsecondError,
  type Identifier,
  type PlacementAnswer,
  type Position,
  type Properties,
  type Reason,
  ulid,
  type Value,
  type WireError,
} from '@halfsecond/protocol'
import { outcomeOf, peekToken } from '@halfsecond/protocol/token'
import type { NoAnswer, VisitorAnswer } from './asked.ts'
import type { Counters } from './counters.ts'
import {
  type Decision,
  MadeDecision,
  MadeProposition,
  type Recorded,
  type RecordOutcome,
} from './decision.ts'
import type { Inquiry } from './inquiry.ts'
import type { MapFollower } from './map-follower.ts'
import type { Recorder } from './recorder.ts'

/** Turns questions of visitors into decisions, live or default. */
export class Decisions {
  private readonly map: MapFollower
  private readonly recorder: Recorder
  private readonly defaults: Properties
  private readonly counters: Counters
  private readonly inquiry: Inquiry
  private random = new Uint8Array(0)
  private randomAt = 0

  constructor(
    inquiry: Inquiry,
    map: MapFollower,
    recorder: Recorder,
    defaults: Properties,
    counters: Counters,
  ) {
    this.inquiry = inquiry
    this.map = map
    this.recorder = recorder
    this.defaults = defaults
    this.counters = counters
  }

  /** One decision per placement, in their order, under one decision id. Never rejects. */
  async decide(
    identifiers: readonly Identifier[],
    imported: readonly Position[],
    placements: readonly string[],
    deadlineMs: number,
    isBot: boolean,
  ): Promise<Decision[]> {
    const decision = this.newId()
    const wish = {
      kind: 'decide' as const,
      decision,
      placements,
      ...(isBot && { isBot: true as const }),
    }
    const answer = await this.inquiry.ask(wish, identifiers, imported, deadlineMs)
    const say: RecordOutcome = ({ token }, outcome, details) => {
      if (token === undefined) return nothing
      try {
        const said = outcomeOf(peekToken(token, this.map.namespaces))
        return this.recorder.record({ ...said, outcome, ...details }, {})
      } catch (thrown) {
        return this.recorder.refused(thrown)
      }
    }
    return placements.map((placement) => this.toDecision(decision, placement, answer, say))
  }

  /** Default content for a visitor who may not be recognised: nobody is asked. */
  withheld(placements: readonly string[]): Decision[] {
    const decision = this.newId()
    return placements.map((placement) =>
      this.byDefault(decision, placement, undefined, () => nothing, 'consent'),
    )
  }

  private toDecision(
    decision: string,
    placement: string,
    answer: VisitorAnswer | NoAnswer,
    say: RecordOutcome,
  ): Decision {
    if (answer instanceof HalfsecondError) return this.byDefault(decision, placement, answer, say)
    if (answer.kind !== 'decision') return this.byDefault(decision, placement, undefined, say)
    const found = answer.placements.find((one) => one.placement === placement)
    if (found === undefined || 'error' in found)
      return this.byDefault(decision, placement, found?.error, say)
    return this.live(decision, answer, found, say)
  }

  private live(
    decision: string,
    { freshness, playbook, model = 0 }: DecideAnswer,
    { placement, reason, propositions }: PlacementAnswer,
    say: RecordOutcome,
  ): Decision {
    const [first, ...others] = propositions
    if (first === undefined) return this.byDefault(decision, placement, undefined, say)
    this.count(reason)
    const origin = { decision, reason, freshness, playbook, model, error: undefined }
    const further = others.map((one) => new MadeProposition(placement, one, say))
    return new MadeDecision(placement, first, say, origin, further)
  }

  private byDefault(
    decision: string,
    placement: string,
    error: WireError | undefined,
    say: RecordOutcome,
    reason: Reason = error?.code === 'TIMEOUT' ? 'deadline' : 'unavailable',
  ): Decision {
    this.count(reason)
    return new MadeDecision(placement, { content: this.defaultOf(placement) }, say, {
      decision,
      reason,
      freshness: 'stale',
      playbook: 0,
      model: 0,
      error: error && { code: error.code, message: error.message },
    })
  }

  private defaultOf(placement: string): Value {
    return Object.hasOwn(this.defaults, placement) ? (this.defaults[placement] ?? null) : null
  }

  private count(reason: Decision['reason']): void {
    this.counters.decided[reason] = (this.counters.decided[reason] ?? 0) + 1
  }

  private newId(): string {
    return ulid(Date.now(), this.nextRandom)
  }

  /** Random bytes in small pieces from a larger draw: one system call serves 256 decisions. */
  private readonly nextRandom = ({ length }: Uint8Array): Uint8Array => {
    if (this.randomAt + length > this.random.length) {
      this.random = randomFillSync(new Uint8Array(4096))
      this.randomAt = 0
    }
    const from = this.randomAt
    this.randomAt += length
    return this.random.subarray(from, this.randomAt)
  }
}

/** For default content there is nothing to record. */
const nothing: Recorded = Promise.resolve(undefined)
