import { compareFragmentIds, type FragmentId, type Namespaces } from '@halfsecond/protocol'
import { type JudgedLink, judge } from '../identity/judge.ts'
import type { IdentityRules } from '../identity/rules.ts'
import { type Copy, type CopyLink, isNewer, isSame, type Version } from '../identity/ties.ts'
import type { Branch } from './branch.ts'
import type { Part } from './part.ts'

/** What is known of one fragment: the part that was read at its home, or a copy. */
export interface Known {
  readonly id: FragmentId
  readonly version: Version
  readonly links: readonly CopyLink[]
  /** Exactly one of these two is there. */
  readonly part: Part | null
  readonly copy: Copy | null
  /** It holds more than its version says: pending records. */
  readonly isAhead: boolean
  /** A copy of a fragment that is here. */
  readonly isHeld: boolean
}

/** What other nodes told of a branch. */
export interface ToldBranch {
  readonly id: FragmentId
  readonly parts: readonly ToldPart[]
  /** Whom those below `id` are linked to as well. */
  readonly up: readonly FragmentId[]
}

export interface ToldPart {
  readonly copy: Copy
  readonly isAhead: boolean
}

/** Two fragments that are connected, though no part that was collected says so. */
export type Edge = readonly [one: FragmentId, other: FragmentId]

/**
 * What one question collected about the fragments of one person, on its way up to their root.
 *
 * G1 of each fragment it knows the newest that was told; what a question brought along for it wins,
 *    as it holds what nobody else has.
 * G2 links lead upwards only, so whoever goes to the greatest, again and again, never comes back.
 */
export class Gathering {
  private readonly namespaces: Namespaces
  private readonly known = new Map<FragmentId, Known>()
  /** From a fragment to those that it shares somebody below with, as its home knows. */
  private readonly edges: Edge[] = []
  /** Said that whoever asks is not in their profile: what links to them does not count. */
  private readonly refusing = new Set<FragmentId>()
  /** Their homes do not answer: what links to them counts, but nobody can go there. */
  private readonly away = new Set<FragmentId>()

  constructor(namespaces: Namespaces) {
    this.namespaces = namespaces
  }

  /** A branch that was read here, at its home. */
  addBranch({ own, isAhead, copies, up }: Branch): void {
    const { id, version, links } = own
    this.add({ id, version, links, part: own, copy: null, isAhead, isHeld: false })
    for (const copy of copies) this.takeCopy(copy, false, true)
    for (const one of up) this.edges.push([id, one])
  }

  addTold({ id, parts, up }: ToldBranch): void {
    for (const { copy, isAhead } of parts) this.addCopy(copy, isAhead)
    for (const one of up) this.edges.push([id, one])
  }

  addCopy(copy: Copy, isAhead: boolean): void {
    this.takeCopy(copy, isAhead, false)
  }

  addEdges(edges: readonly Edge[]): void {
    this.edges.push(...edges)
  }

  get size(): number {
    return this.known.size
  }

  get(id: FragmentId): Known | undefined {
    return this.known.get(id)
  }

  all(): IterableIterator<Known> {
    return this.known.values()
  }

  allEdges(): readonly Edge[] {
    return this.edges
  }

  refuse(id: FragmentId): void {
    this.refusing.add(id)
  }

  giveUp(id: FragmentId): void {
    this.away.add(id)
  }

  /** Whether anything that was collected may be left out. */
  get isWhole(): boolean {
    return this.refusing.size + this.away.size === 0
  }

  /** The greatest that `from` is connected to by what was collected, and that can be asked. */
  greatest(from: FragmentId): FragmentId {
    let best = from
    for (const id of this.connected(from))
      if (!this.away.has(id) && compareFragmentIds(id, best, this.namespaces) > 0) best = id
    return best
  }

  /** All that `from` is connected to by what was collected, itself included. */
  connected(from: FragmentId): ReadonlySet<FragmentId> {
    const neighbours = this.neighbours()
    const seen = new Set([from])
    for (const id of seen) for (const next of neighbours.get(id) ?? []) seen.add(next)
    return seen
  }

  /**
   * Who is in the profile of a root, by what was collected.
   * @param root nobody that could be asked is greater
   */
  members(root: FragmentId, rules: IdentityRules): ReadonlySet<FragmentId> {
    const links: JudgedLink[] = []
    for (const { id, links: own } of this.known.values()) {
      if (this.refusing.has(id)) continue
      for (const { to, since } of own)
        if (!this.refusing.has(to)) links.push({ lower: id, upper: to, since })
    }
    return judge(root, links, rules).members
  }

  private takeCopy(copy: Copy, isAhead: boolean, isHeld: boolean): void {
    const { id, version, links } = copy
    this.add({ id, version, links, part: null, copy, isAhead, isHeld })
  }

  private add(next: Known): void {
    const present = this.known.get(next.id)
    if (present === undefined || isBetter(next, present)) this.known.set(next.id, next)
  }

  private neighbours(): Map<FragmentId, FragmentId[]> {
    const neighbours = new Map<FragmentId, FragmentId[]>()
    const connect = (lower: FragmentId, upper: FragmentId) => {
      if (this.refusing.has(lower) || this.refusing.has(upper)) return
      listOf(neighbours, lower).push(upper)
      listOf(neighbours, upper).push(lower)
    }
    for (const { id, links } of this.known.values()) for (const { to } of links) connect(id, to)
    for (const [lower, upper] of this.edges) connect(lower, upper)
    return neighbours
  }
}

/** Of equal versions the copy that is held here wins, so that what was made of it can be used. */
function isBetter(next: Known, present: Known): boolean {
  if (present.isAhead !== next.isAhead) return next.isAhead
  if (isNewer(next.version, present.version)) return true
  return next.isHeld && isSame(next.version, present.version)
}

function listOf(lists: Map<FragmentId, FragmentId[]>, id: FragmentId): FragmentId[] {
  let list = lists.get(id)
  if (list === undefined) {
    list = []
    lists.set(id, list)
  }
  return list
}
