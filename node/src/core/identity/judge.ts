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
}

export interface Judgement {
  /** Who is connected to the root by the links that are left, the root included. */
  readonly members: ReadonlySet<FragmentId>
  readonly leftOut: readonly LeftOut[]
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
 * @param isPopular whether the root was found to be linked to more than any person before
 */
export function judge(
  root: FragmentId,
  links: readonly JudgedLink[],
  rules: IdentityRules,
  isPopular = false,
): Judgement {
  const leftOut: LeftOut[] = []
  const components = new Components((namespace) => ruleOf(namespace, rules).windowMs)
  const linksOf = countLinks(links)
  if (isPopular) linksOf.set(root, Math.max(linksOf.get(root) ?? 0, popularMaxOf(root, rules) + 1))
  for (const link of [...links].sort(byAge)) {
    const reason = nobodys(link, linksOf, rules) ?? join(link, components, rules)
    if (reason !== undefined) leftOut.push({ link, reason })
  }
  return { members: components.of(root), leftOut }
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
