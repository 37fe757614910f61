import type { FragmentId } from '@halfsecond/protocol'
import type { Fragment } from '../fragment/fragment.ts'
import { copiesBelow } from './copies-below.ts'
import type { IdentityGround, Message } from './identity-ground.ts'
import { type JudgedLink, judge, type LeftOut, popularMaxOf } from './judge.ts'
import { type Copy, nobody, type Ties } from './ties.ts'

/** From these rules of folding on, a root reinstates what it finds to lie within one profile. */
export const reinstatingSince = 3

/**
 * As the root: the links that a limit leaves out are refused, once, and those that lie within the
 * profile after all are reinstated; who joined or left is told.
 */
export function judgeProfile(fragment: Fragment, ties: Ties, ground: IdentityGround): void {
  const root = fragment.identifier
  const { links, overLimit } = linksBelow(ties)
  notePopularity(root, ties, links, ground)
  const { members, leftOut, within } = judge(root, links, ground.rules, ties.isPopular, overLimit)
  const open = new Set<string>()
  const isNew = (link: JudgedLink) => {
    const key = answerKey(link)
    open.add(key)
    return ties.answered?.has(key) !== true
  }
  for (const one of leftOut) if (isNew(one.link)) ground.send(refusal(root, one, ground))
  for (const link of within) if (isNew(link)) ground.send(reinstatement(root, link))
  ties.answered = open.size === 0 ? null : open
  const others = new Set(members)
  others.delete(root)
  tellDifference(root, ties.members, others, ground)
  ties.members = others.size === 0 ? nobody : others
}

function refusal(
  root: FragmentId,
  { link: { lower, upper, since }, reason, isOverLimit }: LeftOut,
  { foldVersion }: IdentityGround,
): Message {
  const over = isOverLimit && foldVersion >= reinstatingSince
  const message = { kind: 'refuse', from: root, to: lower, upper, since, reason } as const
  return over ? { ...message, isOverLimit: true } : message
}

function reinstatement(root: FragmentId, { lower, upper, since }: JudgedLink): Message {
  return { kind: 'reinstate', from: root, to: lower, upper, since }
}

/** Once linked to too many, the root joins nobody until the rules change. */
function notePopularity(
  root: FragmentId,
  ties: Ties,
  links: readonly JudgedLink[],
  ground: IdentityGround,
): void {
  if (ties.isPopular) return
  let count = 0
  for (const { upper } of links) if (upper === root) count++
  if (count <= popularMaxOf(root, ground.rules)) return
  ties.isPopular = true
  ground.tell({ kind: 'popular', root, members: [], to: null })
}

/**
 * A fragment is told anew with these links: what was answered about them is open again. Copies of it
 * that were on the way may have crossed what others answered.
 * @returns whether anything was
 */
export function forgetAnswers(
  ties: Ties | null,
  { id, links, overLimit }: Copy,
  { foldVersion }: IdentityGround,
): boolean {
  const answered = ties?.answered
  if (!answered || foldVersion < reinstatingSince) return false
  let wasAnswered = false
  for (const { to, since } of [...links, ...overLimit])
    if (answered.delete(answerKey({ lower: id, upper: to, since }))) wasAnswered = true
  return wasAnswered
}

/** How a root remembers what it answered about a link: `Ties.answered`. */
export function answerKey({ lower, upper, since }: JudgedLink): string {
  return `${lower} ${upper} ${since}`
}

/** All valid links inside a root's branch, and those that are over a limit. */
export function linksBelow(ties: Ties): {
  readonly links: readonly JudgedLink[]
  readonly overLimit: readonly JudgedLink[]
} {
  const links: JudgedLink[] = []
  const overLimit: JudgedLink[] = []
  for (const [lower, copy] of copiesBelow(ties)) {
    for (const { to, since } of copy.links) links.push({ lower, upper: to, since })
    for (const { to, since } of copy.overLimit) overLimit.push({ lower, upper: to, since })
  }
  return { links, overLimit }
}

function tellDifference(
  root: FragmentId,
  before: ReadonlySet<FragmentId>,
  after: ReadonlySet<FragmentId>,
  ground: IdentityGround,
): void {
  const joined = [...after].filter((id) => !before.has(id))
  const left = [...before].filter((id) => !after.has(id))
  if (joined.length > 0) ground.tell({ kind: 'merged', root, members: joined, to: null })
  if (left.length > 0) ground.tell({ kind: 'split', root, members: left, to: null })
}
