import { type FragmentId, identifierIn, shardOf } from '@halfsecond/protocol'
import type { Profile } from '../../core/decision/decide.ts'
import type { FeatureSet } from '../../core/features/feature-set.ts'
import { initialFragment } from '../../core/fragment/fragment.ts'
import type { Copy } from '../../core/identity/ties.ts'
import { isSame, type Version } from '../../core/identity/ties.ts'
import { keepNewest } from '../../core/keep-newest.ts'
import { copyOfPart } from '../../core/profile/copy.ts'
import type { Known } from '../../core/profile/gathering.ts'
import { MergedProfiles } from '../../core/profile/merged-profiles.ts'
import { ownPart } from '../../core/profile/part.ts'
import { lackingFeatures, profileSeen } from '../../core/profile/seen-profile.ts'
import type { Clock } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { answering } from './held-shards.ts'
import { after, type Maybe } from './maybe.ts'
import type { Peers } from './peers.ts'
import type { Stop, Visit } from './visit.ts'

/** Copies that were fetched because a playbook is newer than those that are held. */
const fetchedMax = 4_096

/** Branches fetched for one decide: whoever has more fragments gets the rest at the next ones. */
const fetchedAtOnce = 16

/** How long homes may take to tell a branch; after that its features are unknown. */
const branchMs = 20

/** A home that could not tell more is asked again after so long. */
const retryMs = 1_000

export interface ProfilerDependencies {
  /** The shards that this node holds, by number. */
  readonly shards: readonly (Shard | undefined)[]
  readonly peers: Pick<Peers, 'branch'>
  readonly clock: Pick<Clock, 'monotonic'>
  /** Whether what a shard has for others was in their logs within the last second. */
  readonly isSent: (shard: number) => boolean
}

/** The profile of whom a question is about. */
export interface Found {
  /** Where the root is at home. */
  readonly shard: Shard
  readonly profile: Profile
  /** Whose facts it is made of; the root is one of them. */
  readonly members: ReadonlySet<FragmentId>
  /** What of a member it reflects; undefined where nothing is known of it. */
  readonly versionOf: (member: FragmentId) => Version | undefined
  readonly isFresh: boolean
}

interface Fetched {
  /** The version of the copy that it stands for. */
  readonly copy: Copy
  readonly set: FeatureSet
  /** Null: its home could not tell more. */
  readonly better: Copy | null
  readonly at: number
}

/** Makes one profile of what a question collected, and keeps what it made. */
export class Profiler {
  private readonly uses: ProfilerDependencies
  private merged: MergedProfiles | undefined
  private readonly fetched = new Map<FragmentId, Fetched>()

  constructor(uses: ProfilerDependencies) {
    this.uses = uses
  }

  profileOf(
    visit: Pick<Visit, 'gathering' | 'isFresh'>,
    { branch, shard }: Stop,
    members: ReadonlySet<FragmentId>,
    set: FeatureSet,
  ): Maybe<Found> {
    const { gathering } = visit
    const make = (): Profile =>
      profileSeen(branch, members, gathering, this.mergedOf(set), (copy) => this.better(copy, set))
    const found = (profile: Profile): Found => {
      const isFresh = visit.isFresh && this.areSent(members, branch.own.id)
      const versionOf = (id: FragmentId) => gathering.get(id)?.version
      return { shard, profile, members, versionOf, isFresh }
    }
    const profile = make()
    if (profile.features.isWhole) return found(profile)
    const lacking = lackingFeatures(members, gathering, set).filter(({ copy }) =>
      copy === null ? false : this.isWorthAsking(copy, set),
    )
    if (lacking.length === 0) return found(profile)
    return after(this.fetch(lacking.slice(0, fetchedAtOnce), set), () => found(make()))
  }

  private mergedOf(set: FeatureSet): MergedProfiles {
    if (this.merged?.set !== set) this.merged = new MergedProfiles(set)
    return this.merged
  }

  /** Whether the homes of all of them but the root told of late what they have for others. */
  areSent(members: ReadonlySet<FragmentId>, root: FragmentId): boolean {
    const { isSent, shards } = this.uses
    for (const id of members)
      if (id !== root && !isSent(shardOf(identifierIn(id), shards.length))) return false
    return true
  }

  private better(copy: Copy, set: FeatureSet): Copy | undefined {
    if (this.fetched.size === 0) return undefined
    const fetched = this.fetchedFor(copy, set)
    return fetched?.better ?? undefined
  }

  private fetchedFor(copy: Copy, set: FeatureSet): Fetched | undefined {
    const fetched = this.fetched.get(copy.id)
    return fetched?.set === set && isSame(fetched.copy.version, copy.version) ? fetched : undefined
  }

  private isWorthAsking(copy: Copy, set: FeatureSet): boolean {
    const fetched = this.fetchedFor(copy, set)
    if (fetched === undefined) return true
    return fetched.better === null && this.uses.clock.monotonic() - fetched.at > retryMs
  }

  /** Gets copies whose features are those of the set, from here or from their homes. */
  private fetch(lacking: readonly Known[], set: FeatureSet): Maybe<unknown> {
    const asked: Promise<void>[] = []
    for (const { copy } of lacking) {
      if (copy === null) continue
      const number = shardOf(identifierIn(copy.id), this.uses.shards.length)
      const shard = answering(this.uses.shards, number)
      if (shard) this.keep(copy, set, copyHere(shard, copy.id, set))
      else asked.push(this.ask(number, copy, set))
    }
    return asked.length === 0 ? undefined : Promise.all(asked)
  }

  private async ask(number: number, copy: Copy, set: FeatureSet): Promise<void> {
    const question = { id: copy.id, at: null, position: null, pending: [], deadline: branchMs }
    const answer = await this.uses.peers.branch(number, { kind: 'branch', ...question })
    const told = answer?.branch.parts.find((part) => part.copy.id === copy.id)
    this.keep(copy, set, told?.copy ?? null)
  }

  private keep(copy: Copy, set: FeatureSet, better: Copy | null): void {
    this.fetched.delete(copy.id)
    this.fetched.set(copy.id, { copy, set, better, at: this.uses.clock.monotonic() })
    keepNewest(this.fetched, fetchedMax)
  }
}

function copyHere(shard: Shard, id: FragmentId, set: FeatureSet): Copy {
  const fragment = shard.read(id) ?? initialFragment(id)
  return copyOfPart(ownPart(fragment, set, shard.memory), shard.state.playbook.version)
}
