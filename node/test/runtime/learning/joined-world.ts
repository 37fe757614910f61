import {
  type ChannelRecord,
  type Identifier,
  type OutcomeRecord,
  shardOf,
  ulid,
} from '@halfsecond/protocol'
import type { Decided } from '../../../src/core/decision/logged-decision.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import type { JoinedDecision } from '../../../src/core/learning/joined.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryDecisions } from '../../../src/memory/memory-decisions.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { partitionOf } from '../../../src/runtime/decisions/decision-log.ts'
import { askedIn } from '../../../src/runtime/learning/asked-decisions.ts'
import { askedTimelinesIn } from '../../../src/runtime/learning/asked-timelines.ts'
import { HeldFragments } from '../../../src/runtime/learning/held-fragments.ts'
import {
  JoinedDecisions,
  type JoinedRange,
} from '../../../src/runtime/learning/joined-decisions.ts'
import { OutcomeLookups } from '../../../src/runtime/learning/outcome-lookups.ts'
import { TimelineLookups } from '../../../src/runtime/learning/timeline-lookups.ts'
import type { ReadRequest } from '../../../src/runtime/reads.ts'
import { systemClock } from '../../../src/system/system-clock.ts'
import { decidedBy, loggedEntry } from '../../support/decided.ts'
import { batch, start } from '../../support/records.ts'
import { Replica } from '../../support/replica.ts'

const playbook = compilePlaybook(`
playbook: shop
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: none }
  side: { channel: web, format: banner, fallback: none }
offers:
  card: { value: 2, treatments: { banner: card } }
  mug: { treatments: { banner: mug } }
`)
const noFeatures = {
  traits: null,
  consents: null,
  features: new FeatureState(playbook.features),
  eldest: null,
}

export const shards = 8
export const day = 24 * 3_600_000

/** A node that holds all shards, in memory, and what it decided. */
export class JoinedWorld {
  readonly clock = new ManualClock(start)
  readonly decisions = new MemoryDecisions(this.clock)
  /** Requests for outcomes. */
  readonly asked: ReadRequest[] = []
  /** Called before each: what it throws is the answer. */
  refuse: () => void = () => {}
  readonly replica: Replica
  private readonly log: MemoryLog
  private readonly joined: JoinedDecisions
  private sent = 0

  private constructor(replica: Replica, log: MemoryLog) {
    this.replica = replica
    this.log = log
    const clock = systemClock
    const fragments = new HeldFragments({ shards: replica.shards, store: replica.store, clock })
    const lookups = new OutcomeLookups(fragments)
    const pasts = new TimelineLookups(fragments)
    const read = (request: ReadRequest) => {
      this.asked.push(request)
      this.refuse()
      if (request.what === 'timelines')
        return pasts.find(request.shard, askedTimelinesIn(request.asked))
      return request.what === 'outcomes'
        ? lookups.find(request.shard, askedIn(request.asked))
        : nothing()
    }
    this.joined = new JoinedDecisions({ decisions: this.decisions, shards, read, clock })
  }

  static async start(budgetBytes?: number): Promise<JoinedWorld> {
    const log = new MemoryLog(shards, () => start + 30 * day)
    const world = { log, disk: new MemoryStore(), clock: new ManualClock(start) }
    return new JoinedWorld(await Replica.start(world, budgetBytes), log)
  }

  /** Decides, and logs it. */
  async decide(key: Identifier, rest: Partial<Decided> & DecidedAt = {}): Promise<string> {
    const { at = this.clock.now(), placement = 'hero', isPrimary = true, ...more } = rest
    const found = playbook.placements.get(placement)
    const placements = found ? [found] : []
    const request = { placements, now: at, exposures: [], isPrimary }
    const decided = decidedBy({
      decision: ulid(at, (bytes) => crypto.getRandomValues(bytes)),
      key,
      versionOf: () => ({ sequence: 4, index: 0 }),
      request,
      position: [0, 0, 4],
      playbook,
      playbookVersion: 3,
      profile: noFeatures,
      ...more,
    })
    await this.decisions.append(partitionOf(key, shards), [loggedEntry(decided)])
    return decided.decision
  }

  /** Tells what became of a decision, and folds it. */
  async tell(
    key: Identifier,
    decision: string,
    outcome: OutcomeRecord['outcome'],
    at: number,
    rest: Partial<OutcomeRecord> = {},
  ): Promise<void> {
    const said = { placement: 'hero', offer: 'card', treatment: 'banner', ...rest }
    const id = `o${this.sent}`
    await this.record(key, [{ kind: 'outcome', id, key, at, decision, outcome, ...said }])
  }

  /** Records what is about one key. */
  async record(
    key: Identifier,
    records: readonly (ChannelRecord | { readonly [field: string]: unknown })[],
  ): Promise<void> {
    this.sent += records.length
    const bytes = batch(`p${this.sent}`, 1, records)
    await this.log.append(shardOf(key, shards), bytes, 'log')
  }

  async read(range: Partial<JoinedRange> = {}): Promise<JoinedDecision[]> {
    const all: JoinedDecision[] = []
    for await (const one of this.joined.read({ from: 0, to: start + 30 * day, ...range }))
      all.push(one)
    return all
  }
}

interface DecidedAt {
  readonly at?: number
  readonly placement?: string
  readonly isPrimary?: boolean
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
