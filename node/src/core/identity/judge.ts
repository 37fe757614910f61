import {
  compareUtf8,
  type FragmentId,
  fragmentName,
  identifierIn,
  namespaceOf,
} from '@halfsecond/protocol'
import { durationInWords } from '../duration.ts'
import { Components } from './components.ts'
import { type IdentityRules, looseRule, type NamespaceRule } from './rules.ts'

/** A valid link, as whoever judges knows it. A pair of fragments has at most one. */
export interface JudgedLink {
  readonly lower: FragmentId
  readonly upper: FragmentId
  /** Start of its unbroken validity, in milliseconds since 1970. */
  readonly since: number
}

export interface LeftOut {
  readonly link: JudgedLink
  /** Which limit it would break; a sentence for people, without its full stop. */
  readonly reason: string
  /** Whether it is a limit on what a profile has; else one end stands for nobody. */
  readonly isOverLimit: boolean
}

export interface Judgement {
  /** Who is connected to the root by the links that are left, the root included. */
  readonly members: ReadonlySet<FragmentId>
  readonly leftOut: readonly LeftOut[]
  /** Of the links that were over a limit: those whose ends older links connect. */
  readonly within: readonly JudgedLink[]
}

/**
 * Which of the links join people, and who is in the root's profile by them.
 *
 * Links are taken oldest first, and one is left out where what it would join breaks a limit: so
 * whoever came first stays. Before that, every link of an identifier that is blocked, or that has
 * more links than any person's, is left out.
 *
 * 1. The answer, the order in its collections included, depends on the set of links and on the
 *    rules only: every replica says the same.
 * 2. Judging again what is left leaves out nothing more.
 * 3. A link within a profile joins nothing and is always left in.
 * 4. What is `within` may be added to the links: nothing else is judged otherwise then.
 * @param isPopular whether the root was found to be linked to more than any person before
 * @param overLimit links that are refused, because they were over a limit when they were judged
 */
export function judge(
  root: FragmentId,
  links: readonly JudgedLink[],
  rules: IdentityRules,
  isPopular = false,
  overLimit: readonly JudgedLink[] = [],
): Judgement {
  const leftOut: LeftOut[] = []
  const within: JudgedLink[] = []
  const refused = new Set(overLimit)
  const components = new Components((namespace) => ruleOf(namespace, rules).windowMs)
  const linksOf = countLinks(links)
  if (isPopular) linksOf.set(root, Math.max(linksOf.get(root) ?? 0, popularMaxOf(root, rules) + 1))
  for (const link of [...links, ...overLimit].sort(byAge)) {
    if (refused.has(link)) {
      if (components.areOne(link.lower, link.upper) && addLink(link, linksOf, rules))
        within.push(link)
      continue
    }
    const nobody = nobodys(link, linksOf, rules)
    const reason = nobody ?? join(link, components, rules)
    if (reason !== undefined) leftOut.push({ link, reason, isOverLimit: nobody === undefined })
  }
  return { members: components.of(root), leftOut, within }
}

function byAge(a: JudgedLink, b: JudgedLink): number {
  return a.since - b.since || compareUtf8(a.lower, b.lower) || compareUtf8(a.upper, b.upper)
}

function countLinks(links: readonly JudgedLink[]): Map<FragmentId, number> {
  const linksOf = new Map<FragmentId, number>()
  for (const { lower, upper } of links) {
    linksOf.set(lower, (linksOf.get(lower) ?? 0) + 1)
    linksOf.set(upper, (linksOf.get(upper) ?? 0) + 1)
  }
  return linksOf
}

/** Counts one link more. Returns false, and counts nothing, where that were more than any person's. */
function addLink(
  link: JudgedLink,
  linksOf: Map<FragmentId, number>,
  rules: IdentityRules,
): boolean {
  const ends = [link.lower, link.upper]
  for (const id of ends) if ((linksOf.get(id) ?? 0) >= popularMaxOf(id, rules)) return false
  for (const id of ends) linksOf.set(id, (linksOf.get(id) ?? 0) + 1)
  return true
}

/** Why one end of the link stands for nobody. */
function nobodys(
  link: JudgedLink,
  linksOf: ReadonlyMap<FragmentId, number>,
  rules: IdentityRules,
): string | undefined {
  for (const id of [link.lower, link.upper]) {
    const identifier = identifierIn(id)
    if (rules.blocked.has(identifier)) return `${fragmentName(id)} is blocked: it stands for nobody`
    const count = linksOf.get(id) ?? 0
    if (count > popularMaxOf(id, rules))
      return `${fragmentName(id)} is linked to ${count} others: it is no person's`
  }
  return undefined
}

export function popularMaxOf(id: FragmentId, rules: IdentityRules): number {
  return ruleOf(namespaceOf(identifierIn(id)), rules).popularMax
}

/** Joins what the link connects, unless that breaks a limit: then the answer is which. */
function join(
  { lower, upper, since }: JudgedLink,
  components: Components,
  rules: IdentityRules,
): string | undefined {
  components.advance(since)
  let broken: string | undefined
  for (const [namespace, count] of components.joined(lower, upper)) {
    if (count <= ruleOf(namespace, rules).max) continue
    if (broken === undefined || isStricter(namespace, broken, rules)) broken = namespace
  }
  if (broken === undefined) {
    components.join(lower, upper, since)
    return undefined
  }
  const { max, windowMs } = ruleOf(broken, rules)
  const within = windowMs === null ? '' : ` within ${durationInWords(windowMs)}`
  return `a profile has at most ${max} ${broken}${within}`
}

/** Of several limits that break, the one with the least maximum tells most. */
function isStricter(namespace: string, than: string, rules: IdentityRules): boolean {
  const difference = ruleOf(namespace, rules).max - ruleOf(than, rules).max
  return difference < 0 || (difference === 0 && compareUtf8(namespace, than) < 0)
}

function ruleOf(namespace: string, rules: IdentityRules): NamespaceRule {
  return rules.byNamespace.get(namespace) ?? looseRule
}
