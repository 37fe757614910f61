import type { Client } from '@halfsecond/client'
import type { Namespaces } from '@halfsecond/protocol'
import type { Cluster } from '../cluster/cluster.ts'
import type { DecisionLog } from '../decisions/decision-log.ts'
import { People } from '../people/people.ts'
import type { Bus, Clock, Decisions, Erased, Log, Observer, Signals, Store } from '../ports.ts'
import type { ReadRequest } from '../reads.ts'
import type { Checkpointer } from '../shards/checkpointer.ts'
import type { Shard } from '../shards/shard.ts'
import type { EraseRequest } from './erase-messages.ts'
import { Erasures } from './erasures.ts'
import { ExpungeJob } from './expunge-job.ts'
import { Expunger } from './expunger.ts'
import { eraseRestored } from './restored.ts'
import { Retention } from './retention.ts'
import { TombKeeper } from './tomb-keeper.ts'
import { Watermark } from './watermark.ts'

export interface EraseDependencies {
  readonly id: string
  readonly log: Log
  readonly store: Store
  readonly erased: Erased
  readonly signals: Signals
  readonly decisions: Decisions
  readonly bus: Bus
  readonly clock: Clock
  readonly observer: Observer
  readonly hash: (text: string) => string
  /** How long what nobody adds to is kept; undefined: for ever. */
  readonly retentionMs?: number | undefined
}

/** The node that it is a part of. */
export interface EraseNode {
  readonly cluster: Cluster
  readonly checkpointer: Checkpointer
  readonly client: Client
  readonly decisionLog: DecisionLog
  /** Answers from whichever node holds the shard. */
  read(request: ReadRequest): AsyncIterable<Uint8Array>
}

/** All that a node does about erases besides folding them. */
export interface ErasePart {
  /** For operators. */
  readonly erasures: Erasures
  /** What other nodes ask. */
  answer(request: EraseRequest): Promise<Uint8Array>
  /** A shard came to be held here. */
  hold(shard: Shard): void
  /**
   * Erases again what a backup brought back, and takes up what an earlier life of this node did not
   * end. Rejects with `UNAVAILABLE`.
   */
  start(): Promise<void>
  close(): void
}

export function makeErase(
  uses: EraseDependencies,
  self: EraseNode,
  namespaces: () => Namespaces,
): ErasePart {
  const { cluster, checkpointer, decisionLog } = self
  const { id: node, log } = uses
  const { holdings, members, coordinator } = cluster
  const map = () => cluster.map
  const reports = () => members.reports()
  const watermark = new Watermark({ ...uses, node, map, led: () => holdings.led() })
  const keeper = new TombKeeper({ ...uses, watermark, leads: (shard) => holdings.leads(shard) })
  const expunger = new Expunger({
    ...uses,
    checkpointer,
    decisionLog,
    namespaces,
    map,
    reports,
    leaders: () => holdings.leaders(),
    shards: holdings.all,
    watermark,
  })
  const retention = new Retention({
    ...uses,
    retentionMs: uses.retentionMs,
    leaders: () => holdings.leaders(),
  })
  const answer = (request: EraseRequest) => expunger.answer(request)
  const job = new ExpungeJob({
    ...uses,
    node,
    shards: log.shards,
    rows: () => members.rows,
    reports,
    isCoordinating: () => coordinator.isCoordinating,
    answer,
  })
  /** The time of each shard as its store had it. */
  const openedAt = new Map<number, number>()
  const people = new People({
    read: (request) => self.read(request),
    pause: () => new Promise((done) => uses.clock.soon(done)),
    get namespaces() {
      return namespaces()
    },
  })
  return {
    erasures: new Erasures({ ...uses, people, job }),
    answer,
    hold: (shard) => {
      openedAt.set(shard.number, shard.state.time.now)
      keeper.hold(shard)
    },
    start: async () => {
      const { all: shards } = holdings
      const leads = (shard: number) => holdings.leads(shard)
      const client = () => self.client
      await eraseRestored({ ...uses, shards, leads, checkpointer, client }, openedAt)
      openedAt.clear()
      await keeper.start()
    },
    close: () => {
      keeper.close()
      retention.close()
      job.close()
    },
  }
}
