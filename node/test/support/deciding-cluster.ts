import {
  type Answer,
  builtInNamespaces,
  type ChannelRecord,
  type DecideQuestion,
  type GrantRecord,
  greatest,
  HalfsecondError,
  type Identifier,
  type ProfileQuestion,
  parseIdentifier,
  shardOf,
  type WirePosition,
} from '@halfsecond/protocol'
import type { ClusterMap } from '../../src/core/cluster/cluster-map.ts'
import type { Decided } from '../../src/core/decision/logged-decision.ts'
import type { Playbook } from '../../src/core/decision/playbook.ts'
import { noModel } from '../../src/core/learning/model.ts'
import { outboxBatch } from '../../src/core/shard/outbox.ts'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../src/memory/memory-log.ts'
import { MemoryStore } from '../../src/memory/memory-store.ts'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'
import { Actors } from '../../src/runtime/actors/actors.ts'
import { Decider } from '../../src/runtime/decisions/decider.ts'
import { Peers } from '../../src/runtime/decisions/peers.ts'
import { Playbooks } from '../../src/runtime/decisions/playbooks.ts'
import { Shard } from '../../src/runtime/shards/shard.ts'
import { ZoneCalendar } from '../../src/system/zone-calendar.ts'
import { QuietObserver } from './quiet-observer.ts'
import { batch, ownBatch, start } from './records.ts'

const shards = 4
const producer = 'client'

/** Shows how many pages a person saw, up to so many, and whether their segment is known. */
export function peoplePlaybook(pages = 3): Playbook {
  return compilePlaybook(`
playbook: people
consent: { personalise: assumed }
events: { page: {} }
traits: { segment: { type: string }, secret: { type: string } }
profile: { call: [segment] }
placements:
  hero: { channel: web, format: banner, fallback: none }
  segment: { channel: call, format: note, fallback: unknown }
offers:
  many: { priority: 3, when: 'count("page", "1d") >= ${pages}', treatments: { banner: many } }
  two: { priority: 2, when: 'count("page", "1d") >= 2', treatments: { banner: two } }
  one: { priority: 1, when: 'count("page", "1d") >= 1', treatments: { banner: one } }
  note: { when: 'traits.segment == "gold"', treatments: { note: gold } }
`)
}

/** One node: the shards that it holds, and what it is asked. */
interface DecidingNode {
  readonly id: string
  readonly shards: readonly (Shard | undefined)[]
  readonly playbooks: Playbooks
  readonly observer: QuietObserver
  readonly decider: Decider
  /** `gone`: nobody serves its subjects; `silent`: it answers nothing. */
  state: 'up' | 'gone' | 'silent'
}

/** Several nodes over one log, each with a decider; entries are delivered when they are published. */
export class DecidingCluster {
  readonly clock = new ManualClock(start)
  readonly log = new MemoryLog(shards, () => this.clock.now())
  readonly nodes: DecidingNode[] = []
  /** Requests between nodes, as `node kind`. */
  readonly requests: string[] = []
  /** Called with every decision, as it is logged. */
  onDecided: (decided: Decided) => void = () => {}
  /** Shards that are said to have told nobody anything. */
  readonly unsent = new Set<number>()
  private readonly holders: readonly (readonly number[])[]
  private readonly numbers = new Map<number, number>()
  private primaryNumber = 0

  private constructor(holders: readonly (readonly number[])[]) {
    this.holders = holders
    this.log.isAutomatic = false
  }

  /** @param holders by shard: the nodes that hold it, the primary first */
  static async start(
    holders: readonly (readonly number[])[],
    playbook = peoplePlaybook(),
  ): Promise<DecidingCluster> {
    const cluster = new DecidingCluster(holders)
    const count = 1 + Math.max(...holders.flat())
    for (let node = 0; node < count; node++) cluster.nodes.push(cluster.open(node))
    await cluster.activate(1, playbook)
    return cluster
  }

  /** An identifier of a namespace whose home is this shard. */
  static at(namespace: string, shard: number, name = 'v'): Identifier {
    for (let i = 0; ; i++) {
      const one = parseIdentifier(`${namespace}:${name}${i}`)
      if (shardOf(one, shards) === shard) return one
    }
  }

  /** @param on on these shards only; by default on all */
  async activate(version: number, playbook: Playbook, on = [0, 1, 2, 3]): Promise<void> {
    for (const { playbooks } of this.nodes) playbooks.add(version, playbook)
    for (const shard of on) {
      const record = { kind: 'playbook', epoch: 1, version, hash: `h${version}` } as const
      await this.log.append(shard, ownBatch(1, ++this.primaryNumber, record), 'own')
      this.log.deliver(shard)
    }
    for (const { shards: held } of this.nodes)
      for (const shard of held) shard?.wants(playbook.features)
  }

  /** Writes records to the logs of their homes. The positions are those of the last of each. */
  async publish(...records: readonly ChannelRecord[]): Promise<WirePosition[]> {
    const positions: WirePosition[] = []
    for (const record of records) {
      const shard = shardOf(record.key, shards)
      const sequence = await this.log.append(shard, this.pending(record), 'log')
      this.numbers.set(shard, (this.numbers.get(shard) ?? 0) + 1)
      positions.push([shard, 1_000 + shard, sequence])
      this.log.deliver(shard)
    }
    return positions
  }

  /** The batch that would be published next, of these records. */
  pending(...records: readonly ChannelRecord[]): Uint8Array {
    const shard = shardOf(records[0]?.key ?? '', shards)
    return batch(producer, (this.numbers.get(shard) ?? 0) + 1, records)
  }

  /** As `pending`, of records of any homes: a batch for each. */
  pendingOf(records: readonly ChannelRecord[]): Uint8Array[] {
    const homes = new Set(records.map(({ key }) => shardOf(key, shards)))
    return [...homes].map((home) =>
      this.pending(...records.filter(({ key }) => shardOf(key, shards) === home)),
    )
  }

  /** Brings what shards have for each other into their logs, until nothing waits. */
  async settle(): Promise<void> {
    for (let isBusy = true; isBusy; ) {
      isBusy = false
      for (let number = 0; number < shards; number++) {
        const shard = this.holderOf(number)
        for (const destination of [...shard.state.outbox.waiting()]) {
          if (destination === shards) continue
          isBusy = true
          await this.send(shard, destination)
        }
      }
    }
  }

  /** Something happens in every shard, so that each is known to be of now. */
  async tick(): Promise<void> {
    for (let shard = 0; shard < shards; shard++) {
      const record = { kind: 'tick', epoch: 1, wall: this.clock.now() } as const
      await this.log.append(shard, ownBatch(1, ++this.primaryNumber, record), 'own')
      this.log.deliver(shard)
    }
  }

  /** From now on it is known of each shard whether something waits there for others. */
  noteUnsent(): void {
    for (let number = 0; number < shards; number++) {
      const waiting = this.holderOf(number).state.outbox.waiting()
      if (waiting.some((destination) => destination !== shards)) this.unsent.add(number)
      else this.unsent.delete(number)
    }
  }

  /** Asks a node. Time passes until it has answered. */
  async ask(question: DecideQuestion | ProfileQuestion, at?: number): Promise<Answer> {
    const answer = this.answerNow(question, at)
    let isDone = false
    const done = Promise.resolve(answer).finally(() => {
      isDone = true
    })
    while (!isDone) {
      await new Promise<void>((resolve) => setImmediate(resolve))
      if (!isDone) this.clock.advance(1)
    }
    return done
  }

  /** Asks the node that holds the home of the greatest identifier. */
  askHome(question: DecideQuestion | ProfileQuestion): Promise<Answer> {
    const key = greatest(question.identifiers, builtInNamespaces) ?? ''
    return this.ask(question, this.holders[shardOf(key, shards)]?.[0])
  }

  /** As `ask`; where everything is on the node asked, at once. */
  answerNow(question: DecideQuestion | ProfileQuestion, at = 0): Answer | Promise<Answer> {
    const node = this.nodes[at]
    if (node === undefined) throw new Error('no such node')
    return node.decider.answer(question)
  }

  private open(index: number): DecidingNode {
    const { clock, log } = this
    const observer = new QuietObserver()
    const actors = new Actors(1024 ** 3, observer)
    const store = new MemoryStore()
    const namespaces = builtInNamespaces
    const held = this.holders.map((nodes, number) => {
      if (!nodes.includes(index)) return undefined
      const uses = { log, actors, clock, observer, namespaces }
      const shard = new Shard(number, 1_000 + number, store.shard(number), uses)
      void shard.follow()
      return shard
    })
    const id = `n${index}`
    const playbooks = new Playbooks()
    const bus = {
      request: (subject: string, bytes: Uint8Array, timeoutMs: number) =>
        this.request(id, subject, bytes, timeoutMs),
    }
    const decider = new Decider({
      node: id,
      decisionLog: { note: (decided) => this.onDecided(decided) },
      shards: held,
      playbooks,
      actors,
      clock,
      calendar: new ZoneCalendar(),
      observer,
      namespaces: () => namespaces,
      sign: ({ decision, offer, key }) => `token of ${offer} in ${decision} for ${key}`,
      model: () => noModel,
      epoch: () => 7,
      peers: new Peers({ node: id, map: () => this.map(), silentMs: () => 0, bus, clock }),
      spread: async () => ({ kind: 'spread', isEverywhere: false }),
      isSent: (shard) => !this.unsent.has(shard),
      leaderOf: (shard) => this.leaderOf(index, shard),
    })
    return { id, shards: held, playbooks, observer, decider, state: 'up' }
  }

  private leaderOf(index: number, number: number) {
    if (this.holders[number]?.[0] !== index) return undefined
    return {
      grant: async (grants: readonly Omit<GrantRecord, 'kind' | 'epoch'>[]) => {
        for (const grant of grants) {
          const record = { kind: 'grant', epoch: 1, ...grant } as const
          await this.log.append(number, ownBatch(1, ++this.primaryNumber, record), 'own')
        }
        this.log.deliver(number)
        return true
      },
    }
  }

  private map(): ClusterMap {
    return {
      epoch: 1,
      nodes: this.nodes.map(({ id }) => id),
      namespaces: [],
      shards: this.holders.map(([primary = 0, ...standbys], shard) => ({
        incarnation: 1_000 + shard,
        primary: `n${primary}`,
        standbys: standbys.map((node) => `n${node}`),
        warming: [],
        epoch: 1,
        boot: '',
      })),
    }
  }

  private async request(
    from: string,
    subject: string,
    bytes: Uint8Array,
    timeoutMs: number,
  ): Promise<Uint8Array> {
    const node = this.nodes.find(({ id }) => subject === `hs.node.${id}.peer`)
    this.requests.push(`${from} to ${node?.id}`)
    if (node === undefined || node.state === 'gone')
      throw new HalfsecondError('UNAVAILABLE', 'nobody serves it')
    if (node.state === 'up') return node.decider.answerPeer(new Uint8Array(bytes))
    return new Promise((_, reject) => {
      const late = () => reject(new HalfsecondError('TIMEOUT', 'no answer'))
      this.clock.after(timeoutMs, late)
    })
  }

  private holderOf(number: number): Shard {
    for (const { shards: held } of this.nodes) {
      const shard = held[number]
      if (shard) return shard
    }
    throw new Error('every shard is held')
  }

  private async send(shard: Shard, destination: number): Promise<void> {
    const rows = shard.state.outbox.rows(destination)
    const sent = outboxBatch(shard.number, rows, (holder, id) => shard.memory.copyOf(holder, id))
    if (sent === undefined) throw new Error('what waits makes a batch')
    if (sent.bytes !== undefined) await this.log.append(destination, sent.bytes, 'own')
    const { upTo } = sent
    const record = { kind: 'sent', epoch: 1, destination, upTo } as const
    await this.log.append(shard.number, ownBatch(1, ++this.primaryNumber, record), 'own')
    this.log.deliver(destination)
    this.log.deliver(shard.number)
  }
}

export function decide(
  identifiers: readonly Identifier[],
  rest: Partial<DecideQuestion> = {},
): DecideQuestion {
  return {
    kind: 'decide',
    decision: 'd1',
    identifiers,
    placements: ['hero', 'segment'],
    deadline: 400,
    positions: [],
    pending: [],
    ...rest,
  }
}

/** What is shown at the placements, and how fresh that is. */
export function shown(answer: Answer): string {
  if (answer.kind !== 'decision') return JSON.stringify(answer)
  const contents = answer.placements.map((one) =>
    'error' in one ? one.error.code : String(one.propositions[0]?.content),
  )
  return `${contents.join(', ')}; ${answer.freshness}`
}
