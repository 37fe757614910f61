import {
  builtInNamespaces,
  type ChannelRecord,
  compareIdentifiers,
  type EraseRecord,
  type FragmentId,
  type Identifier,
  identifierIn,
  type OutcomeRecord,
  parseIdentifier,
  type Strength,
} from '@halfsecond/protocol'
import type { Profile } from '../../../src/core/decision/decide.ts'
import type { FeatureSet } from '../../../src/core/features/feature-set.ts'
import { identityOf } from '../../../src/core/fragment/entry.ts'
import { readTimeline } from '../../../src/core/fragment/timeline.ts'
import {
  type Branch,
  type BranchGround,
  branchAt,
  branchOf,
} from '../../../src/core/profile/branch.ts'
import { partOf } from '../../../src/core/profile/copy.ts'
import { mergeParts } from '../../../src/core/profile/merged-profile.ts'
import { IdentityWorld } from '../../simulation/identity/identity-world.ts'
import { ReachedStates } from '../../simulation/identity/reached.ts'
import { noon } from '../decision/person.ts'

export const ann = parseIdentifier('user:ann')
export const bob = parseIdentifier('user:bob')
export const laptop = parseIdentifier('anon:laptop')
export const phone = parseIdentifier('anon:phone')

/** A profile as a decide at a quiet time sees it. */
export interface Seen {
  readonly root: FragmentId
  readonly members: readonly FragmentId[]
  readonly profile: Profile
}

/** People on four shards, told about by channels, one thing a second. */
export class Town {
  readonly world: IdentityWorld
  private readonly set: FeatureSet
  private nowMs = noon
  private count = 0

  constructor(set: FeatureSet, seed = 1) {
    const history = { seed, steps: [], skewsMs: [0, 0, 0, 0], isCalm: false }
    this.world = new IdentityWorld(history, {}, new ReachedStates())
    this.set = set
    for (const replica of this.world.replicas) replica.features = set
  }

  get now(): number {
    return this.nowMs
  }

  /** Lets time pass. */
  wait(ms: number): void {
    this.nowMs += ms
  }

  /** A channel tells something; everything of it arrives later. */
  tell(...records: readonly ChannelRecord[]): void {
    this.world.apply({ kind: 'tell', nowMs: this.nowMs, records })
    this.nowMs += 1_000
  }

  settle(): void {
    this.world.settle()
  }

  event(key: Identifier, at = this.nowMs): ChannelRecord {
    return { kind: 'event', ...this.common(key, at), name: 'page', properties: {} }
  }

  traits(key: Identifier, set: { readonly [name: string]: string }): ChannelRecord {
    return { kind: 'traits', ...this.common(key, this.nowMs), set, unset: [] }
  }

  consent(key: Identifier, granted: boolean): ChannelRecord {
    return { kind: 'consent', ...this.common(key, this.nowMs), purpose: 'personalise', granted }
  }

  display(key: Identifier): OutcomeRecord {
    const common = this.common(key, this.nowMs)
    const shown = { placement: 'hero', offer: 'card', treatment: 'banner' } as const
    return { kind: 'outcome', ...common, decision: `d${common.id}`, ...shown, outcome: 'display' }
  }

  login(device: Identifier, user: Identifier): ChannelRecord {
    return this.link(device, user)
  }

  logout(device: Identifier): ChannelRecord {
    return { kind: 'logout', ...this.common(device, this.nowMs) }
  }

  link(one: Identifier, other: Identifier, strength: Strength = 'authenticated'): ChannelRecord {
    const { key, to } = endsOf(one, other)
    return { kind: 'link', ...this.common(key, this.nowMs), to, strength }
  }

  unlink(one: Identifier, other: Identifier): ChannelRecord {
    const { key, to } = endsOf(one, other)
    return { kind: 'unlink', ...this.common(key, this.nowMs), to }
  }

  erase(key: Identifier): EraseRecord {
    const common = this.common(key, this.nowMs)
    return { kind: 'erase', ...common, eraseId: common.id }
  }

  /** Whoever an identifier is now, climbing from its home to the root. */
  seen(identifier: Identifier): Seen {
    let branch: Branch = branchAt(identifier, this.nowMs, [], this.groundOf(identifier))
    while (branch.parent !== null) branch = this.branch(branch.parent)
    const { own, copies, judged } = branch
    const members = [own.id, ...(judged ?? [])]
    const parts = copies.filter(({ id }) => members.includes(id))
    const profile = mergeParts(
      [own, ...parts.map(({ bytes }) => partOf(bytes, this.set))],
      this.set,
    )
    return { root: own.id, members: members.sort(), profile }
  }

  /** Ids of all that is in the timelines of a profile. */
  timeline(identifier: Identifier): string[] {
    return this.seen(identifier)
      .members.flatMap((id) => this.own(id))
      .sort()
  }

  /** Ids of what is in one fragment's timeline. */
  own(id: FragmentId): string[] {
    const { arena, chunks } = this.world.replicaOf(id)
    const fragment = this.world.fragment(id)
    if (fragment === undefined) return []
    return readTimeline(fragment, { arena, chunks }).map(({ record }) => identityOf(record))
  }

  trait(identifier: Identifier, name: string): unknown {
    return this.seen(identifier).profile.traits?.get(name)?.value
  }

  private branch(id: FragmentId): Branch {
    const fragment = this.world.fragment(id)
    if (fragment === undefined) throw new Error(`nothing is known of ${id}`)
    return branchOf(fragment, this.groundOf(id))
  }

  private groundOf(id: FragmentId): BranchGround {
    const { fragments, arena, chunks, state } = this.world.replicaOf(id)
    return {
      read: (one) => fragments.get(one),
      facts: { arena, chunks },
      rules: state.identity.rules,
      set: this.set,
      latest: this.nowMs,
    }
  }

  private common(key: Identifier, at: number) {
    return { id: `r${this.count++}`, key: identifierIn(key), at }
  }
}

function endsOf(one: Identifier, other: Identifier) {
  const isLower = compareIdentifiers(one, other, builtInNamespaces) < 0
  return isLower ? { key: one, to: other } : { key: other, to: one }
}
