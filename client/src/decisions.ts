import { randomFillSync } from 'node:crypto'
import {
  bounds,
  type DecideAnswer,
  greatest,
  HalfsecondError,
  type Identifier,
  type PlacementAnswer,
  type Position,
  type Properties,
  toWire,
  ulid,
  type WireError,
} from '@halfsecond/protocol'
import { Asker } from './asker.ts'
import type { Counters } from './counters.ts'
import { type Decision, makeProposition, type RecordOutcome } from './decision.ts'
import type { MapFollower } from './map-follower.ts'
import type { Recorder } from './recorder.ts'
import type { Transport } from './transport.ts'

/** Turns questions of visitors into decisions, live or default. */
export class Decisions {
  private readonly map: MapFollower
  private readonly recorder: Recorder
  private readonly defaults: Properties
  private readonly counters: Counters
  private readonly asker: Asker
  private random = new Uint8Array(0)
  private randomAt = 0

  constructor(
    transport: Transport,
    map: MapFollower,
    recorder: Recorder,
    defaults: Properties,
    counters: Counters,
  ) {
    this.map = map
    this.recorder = recorder
    this.defaults = defaults
    this.counters = counters
    this.asker = new Asker(transport, (epoch) => map.heard(epoch))
  }

  /** One decision per placement, in their order, under one decision id. Never rejects. */
  async decide(
    identifiers: readonly Identifier[],
    positions: readonly Position[],
    placements: readonly string[],
    deadlineMs: number,
  ): Promise<Decision[]> {
    const decision = ulid(Date.now(), (bytes) => this.fillRandom(bytes))
    const key = greatest(identifiers, this.map.namespaces)
    if (key === undefined) return []
    const question = {
      kind: 'decide' as const,
      decision,
      identifiers,
      placements,
      positions: positions.map(toWire),
      pending: this.pendingOf(identifiers),
    }
    const answer = await this.asker.ask(question, deadlineMs, () => this.map.primaryOf(key))
    if (!(answer instanceof HalfsecondError)) {
      const [shard, incarnation, sequence] = answer.position
      this.recorder.recent.reflected(key, { shard, incarnation, sequence })
    }
    return placements.map((placement) => this.toDecision(decision, key, placement, answer))
  }

  close(): void {
    this.asker.close()
  }

  private pendingOf(identifiers: readonly Identifier[]): Uint8Array[] {
    const batches: Uint8Array[] = []
    for (const identifier of identifiers)
      batches.push(...this.recorder.recent.pendingOf(identifier))
    return batches.slice(-bounds.pendingPerDecide)
  }

  private toDecision(
    decision: string,
    key: Identifier,
    placement: string,
    answer: DecideAnswer | HalfsecondError,
  ): Decision {
    const say: RecordOutcome = (outcome, offer, treatment) =>
      this.recorder.record(
        { kind: 'outcome', key, decision, placement, offer, treatment, outcome },
        {},
      )
    if (answer instanceof HalfsecondError) return this.byDefault(decision, placement, answer, say)
    const found = answer.placements.find((one) => one.placement === placement)
    if (found === undefined || 'error' in found)
      return this.byDefault(decision, placement, found?.error, say)
    return this.live(decision, answer, found, say)
  }

  private live(
    decision: string,
    answer: DecideAnswer,
    found: PlacementAnswer,
    say: RecordOutcome,
  ): Decision {
    const { placement, reason } = found
    const [first, ...others] = found.propositions.map(({ content, offer, treatment, token }) =>
      makeProposition(content, offer, treatment, token, say),
    )
    if (first === undefined) return this.byDefault(decision, placement, undefined, say)
    this.count(reason)
    const { freshness, playbook } = answer
    const propositions = [first, ...others] as const
    return {
      ...first,
      placement,
      reason,
      propositions,
      freshness,
      playbook,
      decision,
      error: undefined,
    }
  }

  private byDefault(
    decision: string,
    placement: string,
    error: WireError | undefined,
    say: RecordOutcome,
  ): Decision {
    const only = makeProposition(
      this.defaults[placement] ?? null,
      undefined,
      undefined,
      undefined,
      say,
    )
    const reason = error?.code === 'TIMEOUT' ? 'deadline' : 'unavailable'
    this.count(reason)
    return {
      ...only,
      placement,
      reason,
      propositions: [only],
      freshness: 'stale',
      playbook: 0,
      decision,
      error: error && { code: error.code, message: error.message },
    }
  }

  private count(reason: Decision['reason']): void {
    this.counters.decided[reason] = (this.counters.decided[reason] ?? 0) + 1
  }

  /** Random bytes in small pieces from a larger draw: one system call serves 256 decisions. */
  private fillRandom(bytes: Uint8Array): Uint8Array {
    if (this.randomAt + bytes.length > this.random.length) {
      this.random = randomFillSync(new Uint8Array(4096))
      this.randomAt = 0
    }
    bytes.set(this.random.subarray(this.randomAt, this.randomAt + bytes.length))
    this.randomAt += bytes.length
    return bytes
  }
}
