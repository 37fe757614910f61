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
  /** The greatest that `id` is linked to, directly or by way of one below. */
  readonly parent: FragmentId | null
}

export interface ToldPart {
  readonly copy: Copy
  readonly isAhead: boolean
}

/**
 * What one question collected about the fragments of one person, on its way up to their root.
 *
 * G1 of each fragment it knows the newest that was told; what a question brought along for it wins,
 *    as it holds what nobody else has.
 * G2 links and edges only lead upwards, so whoever follows them never comes back.
 */
export class Gathering {
  private readonly namespaces: Namespaces
  private readonly known = new Map<FragmentId, Known>()
  /** From a fragment to the greatest that its home knows above it, where no part says so. */
  private readonly edges = new Map<FragmentId, FragmentId>()
  /** Said that whoever asks is not in their profile: what links to them does not count. */
  private readonly refusing = new Set<FragmentId>()
  /** Their homes do not answer: what links to them counts, but nobody can go there. */
  private readonly away = new Set<FragmentId>()

  constructor(namespaces: Namespaces) {
    this.namespaces = namespaces
  }

  /** A branch that was read here, at its home. */
  addBranch({ own, isAhead, copies, parent }: Branch): void {
    const { id, version, links } = own
    this.add({ id, version, links, part: own, copy: null, isAhead, isHeld: false })
    for (const copy of copies) this.takeCopy(copy, false, true)
    if (parent !== null) this.edges.set(id, parent)
  }

  addTold({ id, parts, parent }: ToldBranch): void {
    for (const { copy, isAhead } of parts) this.addCopy(copy, isAhead)
    if (parent !== null) this.edges.set(id, parent)
  }

  addCopy(copy: Copy, isAhead: boolean): void {
    this.takeCopy(copy, isAhead, false)
  }

  addEdge(lower: FragmentId, upper: FragmentId): void {
    this.edges.set(lower, upper)
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

  edgesOf(): ReadonlyMap<FragmentId, FragmentId> {
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
    const neighbours = this.neighbours()
    const seen = new Set([from])
    let best = from
    for (const id of seen) {
      if (!this.away.has(id) && compareFragmentIds(id, best, this.namespaces) > 0) best = id
      for (const next of neighbours.get(id) ?? []) seen.add(next)
    }
    return best
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
