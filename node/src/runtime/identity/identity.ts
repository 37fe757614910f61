import { IdentityOperations, type IdentityOperationsDependencies } from './identity-operations.ts'
import { IdentityReads, type IdentityReadsDependencies } from './identity-reads.ts'
import { IdentityRegistry, type IdentityRegistryDependencies } from './identity-registry.ts'

export interface Identity {
  readonly registry: IdentityRegistry
  readonly reads: IdentityReads
  readonly operations: IdentityOperations
}

type Parts = { readonly registry: IdentityRegistry }

/** This node's part in keeping, planning and applying identity configurations. */
export function makeIdentity(
  uses: IdentityRegistryDependencies,
  reads: Omit<IdentityReadsDependencies, keyof Parts | 'leaders'>,
  operations: Omit<IdentityOperationsDependencies, keyof Parts>,
): Identity {
  const registry = new IdentityRegistry(uses)
  const { leaders } = uses
  return {
    registry,
    reads: new IdentityReads({ ...reads, registry, leaders }),
    operations: new IdentityOperations({ ...operations, registry }),
  }
}
