import { randomFillSync } from 'node:crypto'
import {
  type DecideAnswer,
  greatest,
  HalfsecondError,
  type Identifier,
  type PlacementAnswer,
  type Position,
  type Properties,
  toWire,
  ulid,
  type Value,
  type WireError,
} from '@halfsecond/protocol'
import type { NoAnswer } from './asked.ts'
import { Asker } from './asker.ts'
import type { Counters } from './counters.ts'
import {
  type Decision,
  MadeDecision,
  MadeProposition,
  type Recorded,
  type RecordOutcome,
} from './decision.ts'
import type { MapFollower } from './map-follower.ts'
import type { Recorder } from './recorder.ts'
import type { Transport } from './transport.ts'

/** Turns questions of visitors into decisions, live or default. */
export class Decisions {
  private readonly map: MapFollower
  private readonly recorder: Recorder
  private readonly defaults: Properties
  private readonly counters: Counters
  private readonly transport: Transport
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
    this.transport = transport
    this.map = map
    this.recorder = recorder
    this.defaults = defaults
    this.counters = counters
    this.asker = new Asker(transport, map, counters)
  }

  /** One decision per placement, in their order, under one decision id. Never rejects. */
  async decide(
    identifiers: readonly Identifier[],
    imported: readonly Position[],
    placements: readonly string[],
    deadlineMs: number,
  ): Promise<Decision[]> {
    const decision = ulid(Date.now(), (bytes) => this.fillRandom(bytes))
    const answer = this.map.isKnown
      ? await this.ask(decision, identifiers, imported, placements, deadlineMs)
      : await this.askOnceKnown(decision, identifiers, imported, placements, deadlineMs)
    const key = greatest(identifiers, this.map.namespaces)
    const say: RecordOutcome = ({ placement, offer, treatment }, outcome) =>
      offer === undefined || treatment === undefined || key === undefined
        ? nothing
        : this.recorder.record(
            { kind: 'outcome', key, decision, placement, offer, treatment, outcome },
            {},
          )
    return placements.map((placement) => this.toDecision(decision, placement, answer, say))
  }

  close(): void {
    this.asker.close()
  }

  private async ask(
    decision: string,
    identifiers: readonly Identifier[],
    imported: readonly Position[],
    placements: readonly string[],
    deadlineMs: number,
  ): Promise<DecideAnswer | NoAnswer> {
    const key = greatest(identifiers, this.map.namespaces)
    if (key === undefined) return new HalfsecondError('INVALID', 'a visitor has an identifier')
    const question = {
      kind: 'decide' as const,
      decision,
      identifiers,
      placements,
      deadline: deadlineMs,
      positions: this.recorder.positionsOf(identifiers, imported).map(toWire),
      pending: this.pendingOf(identifiers),
    }
    const answer = await this.asker.ask(question, this.map.shardOf(key), deadlineMs)
    if (!(answer instanceof HalfsecondError) && answer.positionReset)
      this.recorder.recent.reset(identifiers, answer.position)
    return answer
  }

  /** Records without a known shard have no number yet, so the question waits for the map with them. */
  private async askOnceKnown(
    decision: string,
    identifiers: readonly Identifier[],
    imported: readonly Position[],
    placements: readonly string[],
    deadlineMs: number,
  ): Promise<DecideAnswer | NoAnswer> {
    const deadlineAt = performance.now() + deadlineMs
    const isKnown = this.transport.isConnected && (await this.map.knownWithin(deadlineMs))
    const left = deadlineAt - performance.now()
    if (isKnown && left > 0) return this.ask(decision, identifiers, imported, placements, left)
    return new HalfsecondError('UNAVAILABLE', 'no shard map yet: no node has answered')
  }

  private pendingOf(identifiers: readonly Identifier[]): readonly Uint8Array[] {
    let batches = none
    for (const identifier of identifiers) {
      const batch = this.recorder.recent.pendingOf(identifier)
      if (batch !== undefined) batches = [...batches, batch]
    }
    return batches
  }

  private toDecision(
    decision: string,
    placement: string,
    answer: DecideAnswer | NoAnswer,
    say: RecordOutcome,
  ): Decision {
    if (answer instanceof HalfsecondError) return this.byDefault(decision, placement, answer, say)
    const found = answer.placements.find((one) => one.placement === placement)
    if (found === undefined || 'error' in found)
      return this.byDefault(decision, placement, found?.error, say)
    return this.live(decision, answer, found, say)
  }

  private live(
    decision: string,
    { freshness, playbook }: DecideAnswer,
    { placement, reason, propositions }: PlacementAnswer,
    say: RecordOutcome,
  ): Decision {
    const [first, ...others] = propositions
    if (first === undefined) return this.byDefault(decision, placement, undefined, say)
    this.count(reason)
    const origin = { decision, reason, freshness, playbook, error: undefined }
    const further = others.map((one) => new MadeProposition(placement, one, say))
    return new MadeDecision(placement, first, say, origin, further)
  }

  private byDefault(
    decision: string,
    placement: string,
    error: WireError | undefined,
    say: RecordOutcome,
  ): Decision {
    const reason = error?.code === 'TIMEOUT' ? 'deadline' : 'unavailable'
    this.count(reason)
    return new MadeDecision(placement, { content: this.defaultOf(placement) }, say, {
      decision,
      reason,
      freshness: 'stale',
      playbook: 0,
      error: error && { code: error.code, message: error.message },
    })
  }

  private defaultOf(placement: string): Value {
    return Object.hasOwn(this.defaults, placement) ? (this.defaults[placement] ?? null) : null
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

const none: readonly Uint8Array[] = []

/** For default content there is nothing to record. */
const nothing: Recorded = Promise.resolve(undefined)
