import { HalfsecondError } from '@halfsecond/protocol'
import type { Intent } from '../../../src/core/cluster/cluster-map.ts'
import type { PlannedMove } from '../../../src/core/cluster/plan.ts'
import type { ClusterView } from '../../../src/runtime/cluster/cluster-view.ts'
import type { Care } from '../../../src/runtime/cluster/operations.ts'
import type { ClusterOperations } from '../../../src/runtime/node-api.ts'

/** Keeps what operators asked for; refuses to drain `n2` unless forced. */
export class FakeOperations implements ClusterOperations {
  readonly asked: string[] = []

  async view(): Promise<ClusterView> {
    return {
      epoch: 1,
      coordinator: 'n1',
      isAgreementReachable: true,
      nodes: [],
      shards: [],
      redundancy: { wanted: 1, full: 4, reduced: 0, none: 0 },
      rebalance: { isPaused: false, moves: [], copies: 0 },
    }
  }

  async intend(id: string, intent: Intent, { dryRun, force }: Care): Promise<void> {
    if (id === 'n2' && !force) throw new HalfsecondError('INVALID', 'too few replicas')
    this.asked.push(`${id} ${intent}${dryRun ? ', dry' : ''}`)
  }

  async move(shard: number, to: string, dryRun: boolean): Promise<void> {
    this.asked.push(`move ${shard} to ${to}${dryRun ? ', dry' : ''}`)
  }

  async plan(): Promise<readonly PlannedMove[]> {
    return [{ shard: 1, what: 'lead', from: 'n1', to: 'n2', why: 'balance' }]
  }

  async apply(): Promise<void> {
    this.asked.push('apply')
  }

  async cancel(): Promise<void> {
    this.asked.push('cancel')
  }
}
