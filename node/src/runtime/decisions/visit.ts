import {
  compareFragmentIds,
  type FragmentId,
  HalfsecondError,
  type Identifier,
  identifierIn,
  type Namespaces,
  shardOf,
  type WirePosition,
} from '@halfsecond/protocol'
import type { FeatureSet } from '../../core/features/feature-set.ts'
import type { Copy } from '../../core/identity/ties.ts'
import type { Branch } from '../../core/profile/branch.ts'
import { partOf } from '../../core/profile/copy.ts'
import { Gathering } from '../../core/profile/gathering.ts'
import type { Shard } from '../shards/shard.ts'
import type { BranchAnswer, OnwardQuestion, VisitorQuestion } from './peer-messages.ts'
import { Pending } from './pending.ts'

/** How far one question may climb: real trees have a depth of one or two. */
const hopsMax = 8

/** Branches besides those named that one question asks for: who has more gets the rest as they are told. */
const soughtMax = 16

/** A branch that a question came to, and the shard by whose rules and playbook it is answered there. */
export interface Stop {
  readonly branch: Branch
  readonly shard: Shard
}

/** What one question has found out so far. */
export class Visit {
  readonly question: VisitorQuestion
  /** The fragment whose profile is asked for. */
  readonly entered: FragmentId
  readonly pending: Pending
  readonly startedAt: number
  readonly gathering: Gathering
  /** Whether all that was collected is known to be of now. */
  isFresh = true
  /** Where a shard is of which the question had a position of an earlier life. */
  reset: WirePosition | undefined
  hops = 0
  /** Whether anything came from elsewhere. */
  private isCollected = false
  /** Those whose branches were asked for, and those that nobody answers for. */
  private readonly sought = new Set<FragmentId>()
  private readonly stops = new Map<FragmentId, Stop>()
  private readonly namespaces: Namespaces
  /** Who is below it was visited before the question came to this node. */
  private readonly floor: FragmentId
  /** By whose playbook branches are told on where the question came to no shard here. */
  private readonly host: Shard | undefined

  constructor(
    question: VisitorQuestion,
    entered: FragmentId,
    floor: FragmentId,
    pending: Pending,
    namespaces: Namespaces,
    startedAt: number,
    host?: Shard,
  ) {
    this.question = question
    this.entered = entered
    this.floor = floor
    this.pending = pending
    this.startedAt = startedAt
    this.namespaces = namespaces
    this.gathering = new Gathering(namespaces)
    this.host = host
  }

  /** Takes up a question that came from another node. */
  static of(onward: OnwardQuestion, namespaces: Namespaces, startedAt: number): Visit {
    const { question, entered, at, isFresh, parts, edges, hops } = onward
    const visit = new Visit(question, entered, at, Pending.none, namespaces, startedAt)
    for (const { copy, isAhead } of parts) visit.gathering.addCopy(copy, isAhead)
    visit.gathering.addEdges(edges)
    visit.isCollected = true
    visit.isFresh = isFresh
    visit.hops = hops
    return visit
  }

  /** The branch as the question has it: with what was pending where it came in. */
  ahead(branch: Branch, set: FeatureSet): Branch {
    const known = this.gathering.get(branch.own.id)
    if (!known?.isAhead || known.copy === null) return branch
    return { ...branch, own: partOf(known.copy.bytes, set), isAhead: true }
  }

  /** A branch is here. */
  arrive(branch: Branch, isFresh: boolean, shard: Shard): void {
    this.stops.set(branch.own.id, { branch, shard })
    this.gathering.addBranch(branch)
    if (!isFresh) this.isFresh = false
  }

  /** The branch that was read here, where nothing else was collected: most accounts need no more. */
  private get only(): Branch | undefined {
    if (this.stops.size !== 1 || this.isCollected || !this.gathering.isWhole) return undefined
    for (const { branch } of this.stops.values()) return branch
    return undefined
  }

  stopAt(id: FragmentId): Stop | undefined {
    return this.stops.get(id)
  }

  /** A shard that the question came to on this node. */
  get shard(): Shard {
    for (const { shard } of this.stops.values()) return shard
    if (this.host !== undefined) return this.host
    throw new HalfsecondError('UNAVAILABLE', 'the question has come to no shard')
  }

  /** Copies that the home of `next` has been given already, by the shards that held them here. */
  handedUp(next: FragmentId, destination: number): ReadonlySet<Copy> {
    const handed = new Set<Copy>()
    for (const { branch, shard } of this.stops.values()) {
      if (branch.parent !== next || branch.isAhead) continue
      if (hasRows(shard.state.outbox.rows(destination))) continue
      for (const copy of branch.copies) handed.add(copy)
    }
    return handed
  }

  /** Another node told a branch, or nobody did. */
  told(answer: BranchAnswer | undefined): void {
    if (answer?.isFresh !== true) this.isFresh = false
    if (answer === undefined) return
    this.isCollected = true
    this.gathering.addTold(answer.branch)
    if (answer.isReset) this.reset ??= answer.position
  }

  /** Where the question goes next: to the greatest that it is connected to. */
  next(): FragmentId {
    const { only } = this
    if (only !== undefined && only.parent === null) return only.own.id
    return this.gathering.greatest(this.entered)
  }

  /** Whether it was visited before the question came to this node. */
  isBehind(id: FragmentId): boolean {
    return compareFragmentIds(id, this.floor, this.namespaces) < 0
  }

  /** Counts a step upwards; false where there were too many. */
  climbs(): boolean {
    return ++this.hops <= hopsMax
  }

  /**
   * Whoever is connected to the question's fragment, and of whom nobody told more than that: what
   * connects them is newer than what their homes handed up to the root. Each is named once.
   */
  unknown(root: Branch): readonly FragmentId[] {
    const { judged } = root
    if (this.only === root && judged !== null && !root.isAhead) return []
    const unknown: FragmentId[] = []
    for (const id of this.gathering.connected(this.entered)) {
      if (this.gathering.get(id) || judged?.has(id) || this.sought.has(id)) continue
      if (this.sought.size >= soughtMax) {
        this.isFresh = false
        break
      }
      this.sought.add(id)
      unknown.push(id)
    }
    return unknown
  }

  /** Nobody answers for it. */
  cannotReach(id: FragmentId): void {
    this.isFresh = false
    this.sought.add(id)
    this.gathering.giveUp(id)
  }

  /**
   * Whether what is held of an identifier will do: nothing of it is pending, and it is as new as the
   * position that was given for its shard.
   */
  knows(identifier: Identifier, shards: number): boolean {
    if (this.pending.batchesAbout(identifier).length > 0) return false
    const shard = shardOf(identifier, shards)
    const wanted = this.question.positions.filter(([number]) => number === shard)
    for (const { id, version } of this.gathering.all()) {
      if (identifierIn(id) !== identifier) continue
      if (wanted.every(([, , sequence]) => version.sequence >= sequence)) return true
    }
    return false
  }
}

function hasRows(rows: Iterable<unknown>): boolean {
  return rows[Symbol.iterator]().next().done !== true
}
