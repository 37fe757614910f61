import type { Cluster } from '../cluster/cluster.ts'
import type { Clock, Coordination, Log, Observer } from '../ports.ts'
import { IdentityOperations, type IdentityOperationsDependencies } from './identity-operations.ts'
import { IdentityReads, type IdentityReadsDependencies } from './identity-reads.ts'
import { IdentityRegistry } from './identity-registry.ts'

/** This node's part in keeping, planning and applying identity configurations. */
export interface Identity {
  readonly registry: IdentityRegistry
  readonly reads: IdentityReads
  readonly operations: IdentityOperations
}

export type ParseIdentity = IdentityOperationsDependencies['parse']

interface World {
  readonly coordination: Coordination
  readonly log: Log
  readonly clock: Clock
  readonly observer: Observer
}

export function makeIdentity(
  { coordination, log, clock, observer }: World,
  { holdings, members }: Pick<Cluster, 'holdings' | 'members'>,
  uses: Pick<IdentityReadsDependencies, 'profiles'> &
    Pick<IdentityOperationsDependencies, 'read' | 'client' | 'parse'>,
): Identity {
  const leaders = () => holdings.leaders()
  const tell = () => members.tell()
  const oldestElsewhere = () => members.oldestIdentity()
  const shards = holdings.all
  const world = { coordination, clock, observer, shards }
  const registry = new IdentityRegistry({ ...world, leaders, tell, oldestElsewhere })
  const { profiles, read, client, parse } = uses
  const now = () => clock.now()
  return {
    registry,
    reads: new IdentityReads({ registry, profiles, shards: holdings.byNumber, leaders }),
    operations: new IdentityOperations({ registry, read, shards: log.shards, client, now, parse }),
  }
}
