import { type FragmentId, identifierIn, namespaceOf } from '@halfsecond/protocol'

interface Member {
  readonly id: FragmentId
  readonly namespace: string
  /** Towards the member that stands for the component; null: it does so itself. */
  parent: Member | null
  /** Members of the component; like `counts`, meant only where it stands for it. */
  size: number
  /** Members by namespace; where that has a window, only those that joined within it. */
  readonly counts: Map<string, number>
}

interface Joining {
  readonly member: Member
  readonly at: number
}

/** Those who joined within a namespace's window, oldest first from `head` on. */
interface Window {
  readonly ms: number
  readonly joined: Joining[]
  head: number
}

/**
 * Fragments that are connected, and how many of each namespace a component counts: union-find,
 * with counters at each component's top.
 *
 * 1. Time only goes forward, so who fell out of a window never returns: counting costs no more
 *    than joining did, however large a component is.
 * 2. A fragment joins with its first link. Before, it is alone, and counts whenever it is asked for.
 */
export class Components {
  private readonly members = new Map<FragmentId, Member>()
  /** By namespace; null: it has no window. */
  private readonly windows = new Map<string, Window | null>()
  private readonly windowMsOf: (namespace: string) => number | null

  constructor(windowMsOf: (namespace: string) => number | null) {
    this.windowMsOf = windowMsOf
  }

  /** Lets out of their windows those who joined too long before `now`. */
  advance(now: number): void {
    for (const window of this.windows.values()) {
      if (window === null) continue
      for (; window.head < window.joined.length; window.head++) {
        const oldest = window.joined[window.head]
        if (oldest === undefined || now - oldest.at <= window.ms) break
        count(topOf(oldest.member), oldest.member.namespace, -1)
      }
    }
  }

  /**
   * What joining these two would count, by namespace: those only that the smaller side has, as the
   * others keep their count. Nothing where they are connected.
   */
  joined(a: FragmentId, b: FragmentId): readonly (readonly [string, number])[] {
    const one = this.countsOf(a)
    const other = this.countsOf(b)
    if (a === b || one === other) return []
    const [smaller, larger] = one.size < other.size ? [one, other] : [other, one]
    return [...smaller].map(([namespace, n]) => [namespace, n + (larger.get(namespace) ?? 0)])
  }

  areOne(a: FragmentId, b: FragmentId): boolean {
    const one = this.members.get(a)
    const other = this.members.get(b)
    return one !== undefined && other !== undefined && topOf(one) === topOf(other)
  }

  join(a: FragmentId, b: FragmentId, at: number): void {
    let one = topOf(this.member(a, at))
    let other = topOf(this.member(b, at))
    if (one === other) return
    if (one.size < other.size) [one, other] = [other, one]
    other.parent = one
    one.size += other.size
    for (const [namespace, n] of other.counts) count(one, namespace, n)
    other.counts.clear()
  }

  /** The component of a fragment, in the order of joining. */
  of(id: FragmentId): Set<FragmentId> {
    const found = new Set([id])
    const member = this.members.get(id)
    if (member === undefined) return found
    const top = topOf(member)
    for (const each of this.members.values()) if (topOf(each) === top) found.add(each.id)
    return found
  }

  private countsOf(id: FragmentId): ReadonlyMap<string, number> {
    const member = this.members.get(id)
    return member === undefined
      ? new Map([[namespaceOf(identifierIn(id)), 1]])
      : topOf(member).counts
  }

  private member(id: FragmentId, at: number): Member {
    const known = this.members.get(id)
    if (known !== undefined) return known
    const namespace = namespaceOf(identifierIn(id))
    const counts = new Map([[namespace, 1]])
    const member: Member = { id, namespace, parent: null, size: 1, counts }
    this.members.set(id, member)
    this.windowOf(namespace)?.joined.push({ member, at })
    return member
  }

  private windowOf(namespace: string): Window | null {
    const known = this.windows.get(namespace)
    if (known !== undefined) return known
    const ms = this.windowMsOf(namespace)
    const window = ms === null ? null : { ms, joined: [], head: 0 }
    this.windows.set(namespace, window)
    return window
  }
}

/** Who stands for the component. Shortens the way for whoever asks next. */
function topOf(member: Member): Member {
  let at = member
  for (let parent = at.parent; parent !== null; parent = at.parent) {
    at.parent = parent.parent ?? parent
    at = parent
  }
  return at
}

function count(top: Member, namespace: string, n: number): void {
  top.counts.set(namespace, (top.counts.get(namespace) ?? 0) + n)
}
