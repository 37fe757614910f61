import type { Namespaces } from '@halfsecond/protocol'
import type { TokenKeys } from '@halfsecond/protocol/token'
import type { Model } from '../../core/learning/model.ts'
import type { Actors } from '../actors/actors.ts'
import type { PlaybookCompiler } from '../catalogues/playbook-compiler.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { Reaches } from '../experiments/reaches.ts'
import { People } from '../people/people.ts'
import type { Bus, Calendar, Clock, Coordination, Decisions, Log, Observer } from '../ports.ts'
import type { ReadRequest } from '../reads.ts'
import { Decider } from './decider.ts'
import { DecisionLog } from './decision-log.ts'
import { OutboxSight } from './outbox-sight.ts'
import { PastDecisions } from './past-decisions.ts'
import { PastPlaybooks } from './past-playbooks.ts'
import { Peers } from './peers.ts'
import type { Playbooks } from './playbooks.ts'
import { Spread } from './spread.ts'

export interface DecidingDependencies {
  readonly id: string
  readonly tokenKeys: TokenKeys
  readonly log: Log
  readonly decisions: Decisions
  readonly coordination: Coordination
  readonly bus: Bus
  readonly clock: Clock
  readonly calendar: Calendar
  readonly observer: Observer
}

/** The node that it is a part of. */
export interface DecidingNode {
  readonly cluster: Cluster
  readonly actors: Actors
  readonly playbooks: Playbooks
  readonly namespaces: () => Namespaces
  readonly compiler: PlaybookCompiler
  readonly model: () => Model
  /** Answers from whichever node holds the shard. */
  read(request: ReadRequest): AsyncIterable<Uint8Array>
}

/** What a node decides with, where it takes down what it decided, and how it finds that again. */
export interface Deciding {
  readonly decider: Decider
  readonly decisionLog: DecisionLog
  readonly past: PastDecisions
  readonly reaches: Reaches
}

export function makeDeciding(uses: DecidingDependencies, self: DecidingNode): Deciding {
  const { id: node, tokenKeys, log, bus, clock } = uses
  const { cluster, actors, playbooks, namespaces, compiler } = self
  const { holdings, members } = cluster
  const map = () => cluster.map
  const silentMs = (one: string) => members.silentMs(one)
  const outboxes = new OutboxSight({ map, reports: () => members.reports(), clock })
  const decisionLog = new DecisionLog({ ...uses, shards: log.shards })
  const shards = holdings.byNumber
  const spread = new Spread({ ...uses, node, shards, map })
  const decider = new Decider({
    ...uses,
    node,
    decisionLog,
    shards,
    playbooks,
    actors,
    namespaces,
    sign: (token) => tokenKeys.sign(token),
    model: () => self.model(),
    epoch: () => map()?.epoch ?? 0,
    peers: new Peers({ node, map, silentMs, bus, clock }),
    spread: (question) => spread.answer(question),
    isSent: (shard) => outboxes.isSent(shard),
    leaderOf: (shard) => holdings.leaderOf(shard),
  })
  const people = new People({
    read: (request) => self.read(request),
    pause: () => new Promise((done) => clock.soon(done)),
    get namespaces() {
      return namespaces()
    },
  })
  const pastPlaybooks = new PastPlaybooks({ ...uses, compiler })
  const past = new PastDecisions({
    ...uses,
    decisionLog,
    shards: log.shards,
    playbooks: pastPlaybooks,
    people,
  })
  const reaches = new Reaches({ ...uses, decisionLog, playbooks: pastPlaybooks })
  return { decider, decisionLog, past, reaches }
}
