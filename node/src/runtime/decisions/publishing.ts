import { type CatalogueOperations, makeCatalogues } from '../catalogues/catalogue-operations.ts'
import type { PlaybookCompiler, PlaybookTexts } from '../catalogues/playbook-compiler.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Bus, Calendar, Clock, Coordination, Observer, Store } from '../ports.ts'
import type { ReadRequest } from '../reads.ts'
import { PlaybookRegistry } from './playbook-registry.ts'
import { PlaybookTrials } from './playbook-trials.ts'
import type { Playbooks } from './playbooks.ts'
import type { Authoring } from './publication.ts'
import { Publisher } from './publisher.ts'
import { StagedPlaybooks } from './staged-playbooks.ts'

export interface PublishingDependencies {
  readonly coordination: Coordination
  readonly store: Store
  readonly bus: Bus
  readonly clock: Clock
  readonly calendar: Calendar
  readonly observer: Observer
  readonly texts: PlaybookTexts
  readonly author: Authoring
  /** Content hash, hexadecimal. */
  readonly hash: (content: string | Uint8Array) => string
}

/** What publishing needs of the rest of the node. */
export interface PublishingHooks {
  readonly playbooks: Playbooks
  /** Called when a newer version asks something else of clients. */
  readonly onConsent: () => void
  /** Answers from whichever node holds the shard. */
  readonly read: (request: ReadRequest) => AsyncIterable<Uint8Array>
}

/** All that makes playbooks and catalogues decide. */
export interface Publishing {
  readonly registry: PlaybookRegistry
  readonly publisher: Publisher
  readonly trials: PlaybookTrials
  readonly staged: StagedPlaybooks
  readonly catalogues: CatalogueOperations
  readonly compiler: PlaybookCompiler
}

export function makePublishing(
  uses: PublishingDependencies,
  cluster: Cluster,
  hooks: PublishingHooks,
): Publishing {
  const { holdings, members } = cluster
  const { playbooks, read, onConsent } = hooks
  const { catalogues, compiler } = makeCatalogues(uses, (): Publisher => publisher)
  const staged = new StagedPlaybooks({ ...uses, compiler })
  const registry = new PlaybookRegistry({
    ...uses,
    staged,
    shards: holdings.all,
    leaders: () => holdings.leaders(),
    tell: () => members.tell(),
    onConsent,
    oldestElsewhere: () => members.oldestPlaybook(),
    playbooks,
  })
  const trials = new PlaybookTrials({
    ...uses,
    shards: holdings.byNumber,
    staged,
    playbookOf: (shard) => playbooks.at(shard.state.playbook.version)?.playbook,
  })
  const publisher = new Publisher({
    ...uses,
    registry,
    staged,
    compiler,
    others: () => cluster.livingOthers(),
    read,
    shards: holdings.byNumber.length,
  })
  return { registry, publisher, trials, staged, catalogues, compiler }
}
