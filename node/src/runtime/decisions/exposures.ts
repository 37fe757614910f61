import {
  compareFragmentIds,
  type FragmentId,
  fragmentIdOf,
  type Identifier,
  identifierIn,
  type Namespaces,
  shardOf,
} from '@halfsecond/protocol'
import type { Choice, Exposure } from '../../core/decision/decide.ts'
import type { Playbook } from '../../core/decision/playbook.ts'
import { isGrantedLately, isShownLately } from '../../core/fragment/lately.ts'
import { isShowing, type Shown } from '../../core/fragment/said.ts'
import type { Clock } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import type { Given } from './given.ts'
import { type GivenProposition, givenOf } from './grants-of.ts'
import { answering } from './held-shards.ts'
import type { GivenQuestion } from './peer-messages.ts'
import type { Pending } from './pending.ts'
import { Reservations } from './reservations.ts'

export interface ExposuresDependencies {
  /** The shards that this node holds, by number. */
  readonly shards: readonly (Shard | undefined)[]
  readonly clock: Pick<Clock, 'monotonic'>
  /** Tells the log, or whoever leads the shard, what was given. */
  readonly given: Pick<Given, 'tell' | 'take'>
}

/** Whose profile a decision is about. */
export interface Exposed {
  readonly shard: Shard
  readonly root: FragmentId
  readonly members: ReadonlySet<FragmentId>
}

/** The greatest of a profile's members: its limits count what was given to it. */
export function rootOf(
  members: ReadonlySet<FragmentId>,
  namespaces: Namespaces,
): FragmentId | undefined {
  let root: FragmentId | undefined
  for (const id of members)
    if (root === undefined || compareFragmentIds(id, root, namespaces) > 0) root = id
  return root
}

/** What was decided for them. */
export interface Decided {
  readonly decision: string
  readonly key: Identifier
  readonly at: number
  readonly playbook: Playbook
  readonly choices: readonly Choice[]
}

/**
 * What people were given and limits do not count yet.
 *
 * A display that went to a fragment whose home is on another node counts twice until its
 * reservation ends: then for a minute a limit shows too little, never too much.
 */
export class Exposures {
  private readonly uses: ExposuresDependencies
  private readonly reservations: Reservations

  constructor(uses: ExposuresDependencies) {
    this.uses = uses
    this.reservations = new Reservations(uses.clock)
  }

  /** What the profile does not know of. Pending records, which it does know, may say of some. */
  of({ members }: Exposed, decision: string, pending: () => Pending): readonly Exposure[] {
    let outcomes: ReturnType<Pending['outcomes']> | undefined
    return this.reservations.of(members, decision, (shown, awaited, root) => {
      if (awaited === 'grant') return this.isIn(root, shown, isGrantedLately)
      if (this.isDisplayed(members, shown)) return true
      outcomes ??= pending().outcomes()
      return outcomes.some((one) => isShowing(one) && isSame(one, shown))
    })
  }

  /** Reserves what an answer gives, and tells what must be told of it. */
  give({ shard, root }: Exposed, { decision, key, at, playbook, choices }: Decided): void {
    const given: GivenProposition[] = []
    for (const choice of choices) {
      for (const proposition of choice.propositions) {
        const one = givenOf(decision, key, choice, proposition)
        if (one === undefined) continue
        if (this.reserve(root, one, playbook) || one.trial !== undefined) given.push(one)
      }
    }
    if (given.length > 0) this.uses.given.tell(shard, root, given, playbook, at)
  }

  /** Reserves one proposition, where any limit counts it. Returns whether one does. */
  reserve(root: FragmentId, shown: GivenProposition, { features }: Playbook): boolean {
    const { displays, grants } = features.ofExposure(shown.offer, shown.placement)
    if (displays.length + grants.length === 0) return false
    this.reservations.reserve(root, shown, {
      display: displays.length > 0,
      grant: grants.length > 0,
    })
    return true
  }

  /** A standby gave it. Resolves with whether what must count is in the log. */
  take(shard: Shard, { root, given, at }: GivenQuestion, playbook: Playbook): Promise<boolean> {
    for (const shown of given) this.reserve(root, shown, playbook)
    return this.uses.given.take(shard, root, given, playbook, at)
  }

  release(root: FragmentId, shown: Shown): void {
    this.reservations.release(root, shown)
  }

  /** Whether a member that is at home here has said that it was seen. */
  private isDisplayed(members: ReadonlySet<FragmentId>, shown: GivenProposition): boolean {
    const { key } = shown
    const ids = key === undefined ? members : this.epochsOf(key).filter((id) => members.has(id))
    for (const id of ids) if (this.isIn(id, shown, isShownLately)) return true
    return false
  }

  /** The fragments of an identifier, where it is at home here. */
  private epochsOf(key: Identifier): readonly FragmentId[] {
    const { shards } = this.uses
    const fragment = answering(shards, shardOf(key, shards.length))?.read(key)
    const epochs = fragment?.device?.epochs.length ?? 1
    return Array.from({ length: epochs }, (_, epoch) => fragmentIdOf(key, epoch))
  }

  private isIn(id: FragmentId, shown: Shown, isLately: typeof isShownLately): boolean {
    const { shards } = this.uses
    const shard = answering(shards, shardOf(identifierIn(id), shards.length))
    const fragment = shard?.read(id)
    return shard !== undefined && fragment !== undefined && isLately(fragment, shown, shard.memory)
  }
}

function isSame(one: Shown, other: Shown): boolean {
  return (
    one.decision === other.decision &&
    one.placement === other.placement &&
    one.offer === other.offer
  )
}
