import { type FragmentId, isFragmentId, type Namespaces } from '@halfsecond/protocol'
import type { LinkView } from '../profile-view.ts'
import type { HeadView } from './head-view.ts'
import { greatestFirst } from './person-view.ts'

/** A valid link, by its two ends. */
export interface Tie {
  readonly lower: FragmentId
  readonly upper: FragmentId
  readonly link: LinkView
}

/** The valid links among these fragments. */
export function tiesAmong(members: readonly HeadView[]): Tie[] {
  return members.flatMap(({ id, links }) =>
    links.flatMap((link) =>
      link.state === 'valid' && isFragmentId(link.to) ? [{ lower: id, upper: link.to, link }] : [],
    ),
  )
}

export function tieBetween(ties: readonly Tie[], a: FragmentId, b: FragmentId): Tie | undefined {
  return ties.find(
    ({ lower, upper }) => (lower === a && upper === b) || (lower === b && upper === a),
  )
}

/** The links of a shortest way from one fragment to another; undefined where there is none. */
export function pathBetween(
  ties: readonly Tie[],
  from: FragmentId,
  to: FragmentId,
): readonly Tie[] | undefined {
  const ways = waysFrom(ties, from)
  const path: Tie[] = []
  for (let at = to; at !== from; ) {
    const tie = ways.get(at)
    if (tie === undefined) return undefined
    path.unshift(tie)
    at = otherEnd(tie, at)
  }
  return path
}

/** Who of these is one person with `from` by these links, greatest first. */
export function personOf(
  from: FragmentId,
  members: readonly HeadView[],
  ties: readonly Tie[],
  namespaces: Namespaces,
): HeadView[] {
  const ways = waysFrom(ties, from)
  return greatestFirst(
    members.filter(({ id }) => id === from || ways.has(id)),
    namespaces,
  )
}

/** For each fragment that is reached from `from`: the last link on a shortest way there. */
function waysFrom(ties: readonly Tie[], from: FragmentId): Map<FragmentId, Tie> {
  const at = new Map<FragmentId, Tie[]>()
  for (const tie of ties) {
    for (const end of [tie.lower, tie.upper]) {
      const there = at.get(end)
      if (there) there.push(tie)
      else at.set(end, [tie])
    }
  }
  const ways = new Map<FragmentId, Tie>()
  const reached = [from]
  for (const one of reached) {
    for (const tie of at.get(one) ?? []) {
      const next = otherEnd(tie, one)
      if (next === from || ways.has(next)) continue
      ways.set(next, tie)
      reached.push(next)
    }
  }
  return ways
}

function otherEnd({ lower, upper }: Tie, end: FragmentId): FragmentId {
  return end === lower ? upper : lower
}
