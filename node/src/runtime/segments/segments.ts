import type { Namespaces } from '@halfsecond/protocol'
import { BranchReader } from '../decisions/branch-reader.ts'
import type { Decider } from '../decisions/decider.ts'
import type { Playbooks } from '../decisions/playbooks.ts'
import type { Calendar, Clock, Observer, Random, Store } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { Onlooker } from './onlooker.ts'
import { Segmenter, type Teller } from './segmenter.ts'
import { Sweep } from './sweep.ts'

export interface SegmentsDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly calendar: Calendar
  readonly random: Random
  readonly observer: Observer
}

/** The node that it is a part of. */
export interface SegmentsNode {
  /** The shards that this node holds. */
  readonly shards: readonly Shard[]
  readonly leaders: () => readonly Teller[]
  readonly playbooks: Playbooks
  readonly decider: Pick<Decider, 'profiler' | 'decideFor'>
  readonly namespaces: () => Namespaces
}

/** All that a node does about segments besides folding who is in them. */
export function makeSegments(uses: SegmentsDependencies, self: SegmentsNode): Segmenter {
  const { decider, playbooks } = self
  const playbookOf = (shard: Shard) => playbooks.at(shard.state.playbook.version)
  const reader = new BranchReader({
    clock: uses.clock,
    playbookOf: (shard) => {
      const active = playbookOf(shard)
      if (active === undefined) throw new TypeError('without a playbook nobody looks')
      return active
    },
  })
  const onlooker = new Onlooker({
    ...uses,
    ...self,
    reader,
    profiler: decider.profiler,
    decideFor: (question, found) => decider.decideFor(question, found),
    playbookOf,
  })
  const sweep = new Sweep({ ...uses, ...self, playbookOf })
  return new Segmenter({ ...uses, ...self, playbookOf, onlooker, sweep })
}
