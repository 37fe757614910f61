import { type FragmentId, isFragmentId, type Namespaces } from '@halfsecond/protocol'
import type { LinkView } from '../profile-view.ts'
import type { HeadView } from './head-view.ts'
import { joinHeads, type PersonHead } from './person-view.ts'

/** A valid link, by its two ends. */
export interface Tie {
  readonly lower: FragmentId
  readonly upper: FragmentId
  readonly link: LinkView
}

/** What becomes of a person when the link between two of its fragments is dropped. */
export type SplitPlan =
  | {
      readonly kind: 'link'
      readonly dropped: Tie
      /** The one or two persons that are left, that of `a` first. */
      readonly persons: readonly PersonHead[]
      /** Where they stay one person all the same: the links of a way around. */
      readonly stillBy: readonly Tie[]
    }
  /** Nothing to drop: they are one person by way of others. */
  | { readonly kind: 'others'; readonly by: readonly Tie[] }
  | { readonly kind: 'apart' }

/** @param members everybody who is one person with `a` */
export function planSplit(
  members: readonly HeadView[],
  a: FragmentId,
  b: FragmentId,
  namespaces: Namespaces,
): SplitPlan {
  const ties = tiesAmong(members)
  const dropped = ties.find(
    ({ lower, upper }) => (lower === a && upper === b) || (lower === b && upper === a),
  )
  if (dropped === undefined) {
    const by = pathBetween(ties, a, b)
    return by === undefined ? { kind: 'apart' } : { kind: 'others', by }
  }
  const left = ties.filter((tie) => tie !== dropped)
  const stillBy = pathBetween(left, a, b) ?? []
  const ends = stillBy.length > 0 ? [a] : [a, b]
  const persons = ends.flatMap((end) => {
    const ways = waysFrom(left, end)
    const its = members.filter(({ id }) => id === end || ways.has(id))
    const asked = its.find(({ id }) => id === end)
    return asked === undefined ? [] : [joinHeads(asked, its, namespaces)]
  })
  return { kind: 'link', dropped, persons, stillBy }
}

function tiesAmong(members: readonly HeadView[]): Tie[] {
  return members.flatMap(({ id, links }) =>
    links.flatMap((link) =>
      link.state === 'valid' && isFragmentId(link.to) ? [{ lower: id, upper: link.to, link }] : [],
    ),
  )
}

/** The links of a shortest way from one fragment to another; undefined where there is none. */
function pathBetween(
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
