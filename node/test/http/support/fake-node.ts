import { connectOver, type Transport } from '@halfsecond/client'
import {
  type Answer,
  builtInNamespaces,
  decode,
  decodeBatch,
  encode,
  type FragmentId,
  HalfsecondError,
  type Identifier,
  isChannelRecord,
  type Position,
  parseIdentifier,
  parseQuestions,
  type ShardMap,
} from '@halfsecond/protocol'
import { TokenKeys } from '@halfsecond/protocol/token'
import type { Explanation } from '../../../src/core/decision/explanation.ts'
import { experimentReport } from '../../../src/core/learning/experiment-report.ts'
import type { JoinedDecision } from '../../../src/core/learning/joined.ts'
import { type ConflictView, conflictsOf } from '../../../src/core/person/conflicts.ts'
import { emptyHead, type HeadView } from '../../../src/core/person/head-view.ts'
import type { EntryView, ProfileView, SourceView } from '../../../src/core/profile-view.ts'
import { MemoryModels } from '../../../src/memory/memory-models.ts'
import type { PastWhy } from '../../../src/runtime/decisions/past-decisions.ts'
import type { WebhookOperations } from '../../../src/runtime/delivery/webhooks.ts'
import type { JoinedRange } from '../../../src/runtime/learning/joined-decisions.ts'
import { ModelVersions } from '../../../src/runtime/learning/model-versions.ts'
import type {
  ActivePlaybook,
  CatalogueOperating,
  ClusterOperations,
  ErasureOperations,
  Health,
  IdentityOperating,
  NodeApi,
  Publishing,
  ReplicaView,
} from '../../../src/runtime/node-api.ts'
import type { StoredSignal } from '../../../src/runtime/ports.ts'
import { answerOf, type ReadRequest } from '../../../src/runtime/reads.ts'
import { systemClock } from '../../../src/system/system-clock.ts'
import { heroOrder, someSums } from '../../support/experiments.ts'
import { FakeIdentity } from './fake-identity.ts'
import { FakeOperations } from './fake-operations.ts'
import { FakePublishing } from './fake-publishing.ts'

const shardCount = 4
export const testKeys = `test:${Buffer.alloc(32, 7).toString('base64')}`

const known = parseIdentifier('anon:known')

/** A node that keeps what is recorded in a list and decides one placement, `home`. */
export class FakeNode implements NodeApi {
  readonly id = 'n1'
  readonly namespaces = builtInNamespaces
  readonly tokenKeys = new TokenKeys(testKeys)
  /** Records that came, decoded, in order. */
  readonly records: { readonly [name: string]: unknown }[] = []
  readonly frames: Uint8Array[] = []
  readonly playbooks: string[] = []
  /** Nodes that frames were for. */
  readonly passedOn: string[] = []
  readonly operations: ClusterOperations = new FakeOperations()
  readonly erasures: ErasureOperations = {
    plan: async (identifier) => ({ identifier, members: [] }),
    receipt: async () => undefined,
    expunge: async () => {},
    expunging: { isRunning: false, doneAt: 0, failure: '' },
  }
  readonly catalogues: CatalogueOperating = {
    putPiece: async () => '0'.repeat(64),
    put: async ({ items }, by) => ({ version: 1, hash: '1'.repeat(64), items, at: 0, by }),
    versions: async () => [],
    stored: async (hash) => Buffer.from(hash),
  }
  readonly webhooks: WebhookOperations = {
    list: async () => [],
    dead: async () => [],
    retry: async () => 0,
  }
  /** What is known, besides timelines. */
  readonly heads = new Map<FragmentId, HeadView>([[known, emptyHead(known)]])
  readonly timelines = new Map<FragmentId, readonly EntryView[]>()
  readonly identity: IdentityOperating = new FakeIdentity()
  /** Texts of signals, the oldest first. */
  readonly told: string[] = []
  readonly signals = {
    read: async (after: number, limit: number): Promise<readonly StoredSignal[]> => {
      const stored = this.told.map((text, i) => ({ cursor: i + 1, text }))
      return stored.slice(after, after + limit)
    },
  }
  /** What became of the decision of any token. */
  why: PastWhy = { kind: 'unknown', text: 'It is gone.' }
  readonly past = {
    explain: async (): Promise<PastWhy> => this.why,
    verify: async () => ({ decisions: 3, same: 2, unknown: 0, different: ['d1'] }),
  }
  /** What was decided of late. */
  decided: readonly JoinedDecision[] = []
  /** What was asked of it. */
  readonly ranges: JoinedRange[] = []
  readonly models = new MemoryModels(systemClock)
  readonly versions = new ModelVersions(this.models)
  readonly joined = {
    read: (range: JoinedRange): AsyncGenerator<JoinedDecision> => this.readJoined(range),
  }
  profilesToExport: readonly ProfileView[] = []
  /** What a call throws or rejects with, while set. */
  failure: Error | undefined
  isReady = true
  private readonly sequences = new Array<number>(shardCount).fill(0)
  readonly client = connectOver(this.transport())

  map(): ShardMap {
    const shards = Array.from({ length: shardCount }, (_, shard) => ({
      incarnation: 100 + shard,
      primary: this.id,
      standbys: [],
    }))
    return { epoch: 1, nodes: [this.id, 'n2'], namespaces: [], shards }
  }

  async publish(shard: number, batch: Uint8Array): Promise<Position> {
    if (this.failure) throw this.failure
    const { records } = decodeBatch(batch)
    for (const record of records) {
      if (!isChannelRecord(record, this.namespaces))
        throw new HalfsecondError('INVALID', 'a record of the batch is not valid')
      this.records.push({ ...record })
    }
    const sequence = (this.sequences[shard] ?? 0) + 1
    this.sequences[shard] = sequence
    return { shard, incarnation: 100 + shard, sequence }
  }

  answerFrame(frame: Uint8Array): Uint8Array | Promise<Uint8Array> {
    if (this.failure) throw this.failure
    this.frames.push(frame)
    try {
      const answers = parseQuestions(decode(frame), this.namespaces).map((one): Answer => {
        if (one.kind === 'error') return one
        if (one.kind === 'spread') return { kind: 'spread', isEverywhere: true }
        if (one.kind === 'await') return { kind: 'reached', position: one.position }
        if (one.kind === 'profile')
          return { kind: 'profile', freshness: 'fresh', position: [0, 100, 1], traits: {} }
        const { decision, identifiers, placements } = one
        return {
          kind: 'decision',
          decision,
          playbook: 3,
          freshness: 'fresh',
          position: [0, 100, 1],
          placements: placements.map((name) => this.answerPlacement(name, decision, identifiers)),
        }
      })
      return encode({ v: 1, epoch: 1, answers })
    } catch {
      const error = { code: 'MALFORMED', message: 'not a frame' }
      return encode({ v: 1, epoch: 1, answers: [{ kind: 'error', error }] })
    }
  }

  /** Another node of the map, `n2`, answers no frames. */
  async ask(node: string, frame: Uint8Array, _timeoutMs: number): Promise<Uint8Array> {
    this.passedOn.push(node)
    if (node === this.id) return this.answerFrame(frame)
    throw new HalfsecondError('UNAVAILABLE', `${node} does not answer`)
  }

  replicas(): readonly ReplicaView[] {
    return []
  }

  read(request: ReadRequest): AsyncIterable<Uint8Array> {
    return answerOf(request, this)
  }

  health(): Health {
    return {
      ready: this.isReady,
      problems: this.isReady ? [] : ['shard 2 is being recovered'],
      shards: { total: shardCount, following: shardCount, fresh: shardCount },
      logReachable: true,
    }
  }

  async profile(identifier: FragmentId): Promise<ProfileView | undefined> {
    const timeline = this.timelines.get(identifier) ?? []
    return this.heads.has(identifier) ? aProfile(identifier, timeline) : undefined
  }

  async head(identifier: FragmentId): Promise<HeadView | undefined> {
    return this.heads.get(identifier)
  }

  /** All are on shard 0. */
  async *conflictsOf(shard: number): AsyncGenerator<ConflictView> {
    if (shard === 0) for (const head of this.heads.values()) yield* conflictsOf(head)
  }

  private async *readJoined(range: JoinedRange): AsyncGenerator<JoinedDecision> {
    this.ranges.push(range)
    yield* this.decided
    if (this.failure) throw this.failure
  }

  async *recognition(): AsyncGenerator<object> {}

  readonly learning = { outcomes: nothing, timelines: nothing }

  profiles(): AsyncGenerator<ProfileView> {
    return this.profilesOf(0)
  }

  /** All are on shard 0. */
  async *profilesOf(shard: number): AsyncGenerator<ProfileView> {
    if (shard !== 0) return
    for (const profile of this.profilesToExport) yield profile
    if (this.failure) throw this.failure
  }

  async *traitsOf(shard: number, source: string): AsyncGenerator<SourceView> {
    for await (const { identifiers, traits } of this.profilesOf(shard)) {
      const [identifier = aKey] = identifiers
      const own = Object.entries(traits).filter(([, trait]) => trait.source === source)
      if (own.length > 0) yield { identifier, traits: Object.fromEntries(own), links: [] }
    }
  }

  async explain(
    identifiers: readonly Identifier[],
    placements: readonly string[] = ['home', 'cart'],
  ): Promise<readonly Explanation[]> {
    return placements.map((placement) => {
      if (placement !== 'home' && placement !== 'cart')
        throw new HalfsecondError('UNKNOWN_PLACEMENT', 'playbook 3 has no such placement')
      return {
        placement,
        identifiers,
        sentence: `Shown to ${identifiers.join()} because it fits.`,
        reason: 'rules',
        freshness: 'fresh',
        playbook: 3,
        shown: [],
        candidates: [],
        facts: {},
      }
    })
  }

  readonly publishing: Publishing = new FakePublishing(this)

  statisticsOf(): AsyncIterable<object> {
    throw new HalfsecondError('MOVED', 'a node without shards')
  }

  playbookTrial(): AsyncIterable<object> {
    throw new HalfsecondError('MOVED', 'a node without shards')
  }

  readonly experiments = {
    read: (): AsyncIterable<object> => {
      throw new HalfsecondError('MOVED', 'a node without shards')
    },
    all: () => [heroOrder],
    report: async (name: string, against?: string) => {
      if (name !== heroOrder.name) throw new HalfsecondError('INVALID', `no experiment "${name}"`)
      const reach = [{ arm: 'ours', changed: 500, same: 1_400, notKnown: 100 }]
      return experimentReport(heroOrder, someSums, Date.UTC(2026, 11, 24), against, reach)
    },
  }

  async publishPlaybook(text: string): Promise<ActivePlaybook> {
    if (this.failure) throw this.failure
    this.playbooks.push(text)
    return { version: this.playbooks.length, hash: 'h1', name: 'shop' }
  }

  playbook(): (ActivePlaybook & { readonly text: string }) | undefined {
    const text = this.playbooks.at(-1)
    return text === undefined
      ? undefined
      : { version: this.playbooks.length, hash: 'h1', name: 'shop', text }
  }

  defaults() {
    return { home: { title: 'Welcome' } }
  }

  private answerPlacement(
    placement: string,
    decision: string,
    [key = aKey]: readonly Identifier[],
  ) {
    if (placement !== 'home') {
      const message = 'playbook 3 has no such placement'
      return { placement, error: { code: 'UNKNOWN_PLACEMENT' as const, message } }
    }
    return {
      placement,
      reason: 'rules' as const,
      propositions: [
        {
          content: { title: 'Card' },
          offer: 'card',
          treatment: 'web',
          token: this.token(key, Date.now() + 60_000, decision),
        },
      ],
    }
  }

  token(key: Identifier, expiresAt: number, decision = '01ARZ3NDEKTSV4RRFFQ69G5FAV'): string {
    const decidedAt = expiresAt - 60_000
    const said = { decision, key, placement: 'home', offer: 'card', treatment: 'web', playbook: 3 }
    return this.tokenKeys.sign({ ...said, decidedAt, expiresAt })
  }

  private transport(): Transport {
    return {
      isConnected: true,
      map: async () => this.map(),
      onMap: () => {},
      publish: async (shard, batch) => (await this.publish(shard, batch)).sequence,
      ask: async (_node, frame) => this.answerFrame(frame),
      close: async () => {},
    }
  }
}

const aKey = parseIdentifier('anon:nobody')

function aProfile(identifier: FragmentId, timeline: readonly EntryView[]): ProfileView {
  return {
    identifiers: [identifier],
    traits: {},
    links: [],
    consents: {},
    timeline,
    sessions: [],
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
