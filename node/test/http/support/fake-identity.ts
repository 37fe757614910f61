import { HalfsecondError } from '@halfsecond/protocol'
import { readIdentity } from '../../../src/identity-file/read-identity.ts'
import type {
  IdentityApplied,
  IdentityPlan,
  IdentityReverted,
} from '../../../src/runtime/identity/identity-operations.ts'
import type { IdentityVersion } from '../../../src/runtime/identity/identity-registry.ts'
import type { IdentityOperating } from '../../../src/runtime/node-api.ts'

/** Keeps what operators applied; one profile changes by whatever is applied. */
export class FakeIdentity implements IdentityOperating {
  readonly applied: string[] = []

  get current(): IdentityVersion {
    return { version: 2, identity: 'shop', text: '', by: 'ann', at: 1_795_000_000_000 }
  }

  async versions(): Promise<readonly IdentityVersion[]> {
    return [this.current]
  }

  async plan(text: string): Promise<IdentityPlan> {
    const { identity } = readIdentity(text)
    return { identity, base: 2, isSame: false, changing: 1, changes: [] }
  }

  async apply(text: string, by: string): Promise<IdentityApplied> {
    const plan = await this.plan(text)
    this.applied.push(`${plan.identity} by ${by}`)
    return { ...plan, version: 3 }
  }

  async planRevert(version: number): Promise<IdentityReverted> {
    if (version !== 1) throw new HalfsecondError('INVALID', 'there is no such version')
    return { version: 3, identity: 'shop', unlinking: 0, unlinked: [] }
  }

  async revert(version: number, by: string): Promise<IdentityReverted> {
    const reverted = await this.planRevert(version)
    this.applied.push(`revert to ${version} by ${by}`)
    return reverted
  }
}
