import type { FragmentId, Identifier } from '@halfsecond/protocol'
import type { Profile } from '../../core/decision/decide.ts'
import type { Playbook } from '../../core/decision/playbook.ts'
import { profileOf } from '../../core/decision/profile.ts'
import { type FragmentRecord, isFragmentRecord } from '../../core/fragment/evolve.ts'
import { initialFragment } from '../../core/fragment/fragment.ts'
import { type Branch, type BranchGround, branchAt, branchOf } from '../../core/profile/branch.ts'
import type { Clock } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import type { Pending } from './pending.ts'

export interface BranchReaderDependencies {
  readonly clock: Pick<Clock, 'now'>
  /** What a shard decides by. @throws HalfsecondError `UNAVAILABLE` without a playbook */
  readonly playbookOf: (shard: Shard) => { readonly playbook: Playbook }
}

/** Reads what shards that are here know, and counts it as used, so that it stays in memory. */
export class BranchReader {
  private readonly uses: BranchReaderDependencies

  constructor(uses: BranchReaderDependencies) {
    this.uses = uses
  }

  /**
   * The profile of a visitor who is known by one identifier that is tied to no other, as most are:
   * those cost nothing more. Undefined for everybody else.
   */
  alone(
    shard: Shard,
    key: Identifier,
    identifiers: readonly Identifier[],
    pending: Pending,
  ): Profile | undefined {
    if (!identifiers.every((one) => one === key)) return undefined
    const fragment = shard.read(key) ?? initialFragment(key)
    if (fragment.ties !== null || fragment.device !== null) return undefined
    const facts: FragmentRecord[] = []
    for (const record of pending.of(key, shard.state)) {
      if (!isFragmentRecord(record)) return undefined
      facts.push(record)
    }
    const { features } = this.uses.playbookOf(shard).playbook
    const latest = facts.length === 0 ? 0 : this.latest(shard)
    const profile = profileOf(fragment, features, facts, latest, shard.memory)
    shard.memory.used(key)
    return profile
  }

  /** The branch of an identifier, pending records included; of a device, of the epoch of this time. */
  now(shard: Shard, identifier: Identifier, at: number, pending: Pending): Branch {
    const unseen = pending.of(identifier, shard.state)
    const branch = branchAt(identifier, at, unseen, this.groundOf(shard))
    shard.memory.used(branch.own.id)
    return branch
  }

  /** The branch of exactly this fragment. */
  exactly(shard: Shard, id: FragmentId): Branch {
    const branch = branchOf(shard.read(id) ?? initialFragment(id), this.groundOf(shard))
    shard.memory.used(id)
    return branch
  }

  private groundOf(shard: Shard): BranchGround {
    return {
      read: (id) => shard.read(id),
      facts: shard.memory,
      rules: shard.state.identity.rules,
      set: this.uses.playbookOf(shard).playbook.features,
      latest: this.latest(shard),
    }
  }

  /** The log will give pending records no earlier time than its last, however late this clock is. */
  private latest(shard: Shard): number {
    return Math.max(this.uses.clock.now(), shard.logTime)
  }
}
