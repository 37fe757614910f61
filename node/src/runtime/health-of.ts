import type { Cluster } from './cluster/cluster.ts'
import type { PlaybookRegistry } from './decisions/playbook-registry.ts'
import type { Health } from './node-api.ts'
import type { Checkpointer } from './shards/checkpointer.ts'

export interface HealthInput {
  readonly cluster: Cluster
  readonly playbooks: Pick<PlaybookRegistry, 'active' | 'problem'>
  readonly checkpointer: Checkpointer
  /** Why the log took nothing last; empty where it did. */
  readonly appendFailure: string
  readonly isLeaving: boolean
}

export function healthOf({
  cluster,
  playbooks,
  checkpointer,
  appendFailure,
  isLeaving,
}: HealthInput): Health {
  const { holdings, map } = cluster
  const following = holdings.all.filter(({ status }) => status === 'following')
  const isActive = playbooks.active !== undefined
  const problems = [...holdings.problems()]
  if (map === undefined) problems.push('no shard map yet')
  if (!isActive)
    problems.push('no playbook is active: publish one with `halfsecond playbook publish FILE`')
  if (playbooks.problem !== '') problems.push(playbooks.problem)
  if (checkpointer.failure !== '') problems.push(checkpointer.failure)
  if (appendFailure !== '') problems.push(`the log takes nothing: ${appendFailure}`)
  const hasLeft = isLeaving && holdings.led().length === 0
  if (hasLeft) problems.push('it is stopping: other nodes lead what it led')
  const total = holdings.count
  // What this node cannot answer for yet, or any more, others do.
  const isAnswered = following.length === total || cluster.hasOthers
  return {
    ready: map !== undefined && isAnswered && isActive && !hasLeft,
    problems,
    shards: {
      total,
      following: following.length,
      fresh: following.filter(({ isFresh }) => isFresh).length,
    },
    logReachable: appendFailure === '',
  }
}
