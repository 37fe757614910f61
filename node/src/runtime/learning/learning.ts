import type { Model } from '../../core/learning/model.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { PlaybookRegistry } from '../decisions/playbook-registry.ts'
import type { Playbooks } from '../decisions/playbooks.ts'
import type { Clock, Decisions, Log, Models, Observer, Store } from '../ports.ts'
import type { ReadRequest } from '../reads.ts'
import { askedIn, type OutcomesRead } from './asked-decisions.ts'
import { askedTimelinesIn, type TimelinesRead } from './asked-timelines.ts'
import { CurrentModel } from './current-model.ts'
import { HeldFragments } from './held-fragments.ts'
import { JoinedDecisions } from './joined-decisions.ts'
import { LogisticTrainer } from './logistic-trainer.ts'
import { ModelVersions } from './model-versions.ts'
import { OutcomeLookups } from './outcome-lookups.ts'
import { ModelPublisher } from './publisher.ts'
import { readStatistics } from './shard-statistics.ts'
import { TimelineLookups } from './timeline-lookups.ts'

export interface LearningDependencies {
  readonly log: Pick<Log, 'shards'>
  readonly decisions: Pick<Decisions, 'find'>
  readonly models: Models
  readonly store: Store
  readonly clock: Clock
  readonly observer: Observer
}

/** The node that it is a part of. */
export interface LearningNode {
  readonly cluster: Cluster
  readonly playbooks: Playbooks
  readonly registry: Pick<PlaybookRegistry, 'active'>
  /** Answers from whichever node holds the shard. */
  read(request: ReadRequest): AsyncIterable<Uint8Array>
}

/** What a node decides by beside its rules, how that is made, and what it is made of. */
export class Learning {
  readonly joined: JoinedDecisions
  readonly versions: ModelVersions
  readonly current: CurrentModel
  private readonly lookups: OutcomeLookups
  private readonly pasts: TimelineLookups
  private readonly trainer: LogisticTrainer
  private readonly publisher: ModelPublisher

  constructor(uses: LearningDependencies, self: LearningNode) {
    const { log, decisions, models, store, clock, observer } = uses
    const { shards } = log
    const read = (request: ReadRequest) => self.read(request)
    this.joined = new JoinedDecisions({ decisions, shards, read, clock })
    const held = self.cluster.holdings.byNumber
    const fragments = new HeldFragments({ shards: held, store, clock })
    this.lookups = new OutcomeLookups(fragments)
    this.pasts = new TimelineLookups(fragments)
    this.versions = new ModelVersions(models)
    this.current = new CurrentModel({ models, clock, observer })
    this.trainer = new LogisticTrainer({ joined: this.joined, clock })
    this.publisher = new ModelPublisher({
      isActive: () => self.cluster.coordinator.isCoordinating,
      active: () => {
        const version = self.registry.active?.version
        return version === undefined ? undefined : self.playbooks.at(version)
      },
      shards,
      statisticsOf: (shard) => readStatistics(read({ what: 'statistics', shard })),
      models,
      trainers: [this.trainer],
      clock,
      observer,
    })
  }

  /** What decides now. */
  get model(): Model {
    return this.current.model
  }

  /** What became of decisions, in a shard that is held here. */
  outcomes({ shard, asked }: OutcomesRead): AsyncIterable<Uint8Array> {
    return this.lookups.find(shard, askedIn(asked))
  }

  /** What fragments were at times of the past, in a shard that is held here. */
  timelines({ shard, asked }: TimelinesRead): AsyncIterable<Uint8Array> {
    return this.pasts.find(shard, askedTimelinesIn(asked))
  }

  /** Never rejects. */
  start(): Promise<void> {
    return this.current.start()
  }

  /** Never rejects. */
  async close(): Promise<void> {
    this.trainer.close()
    await this.publisher.close()
    await this.current.close()
  }
}
