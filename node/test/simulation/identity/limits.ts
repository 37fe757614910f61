import { type FragmentId, identifierIn, namespaceOf } from '@halfsecond/protocol'
import { type IdentityRules, looseRule } from '../../../src/core/identity/rules.ts'
import { Groups, type HomeLink } from './homes.ts'

/** The namespace of which a group has more than a profile may have. Epochs of a device count one each. */
export function brokenLimit(
  group: readonly FragmentId[],
  rules: IdentityRules,
): string | undefined {
  const counts = new Map<string, number>()
  for (const id of group) {
    const namespace = namespaceOf(identifierIn(id))
    counts.set(namespace, (counts.get(namespace) ?? 0) + 1)
  }
  for (const [namespace, count] of counts) {
    const { max } = rules.byNamespace.get(namespace) ?? looseRule
    if (count > max) return namespace
  }
  return undefined
}

/** The links that are left when each that would break a limit is left out, the oldest first. */
export function linksWithin(links: readonly HomeLink[], rules: IdentityRules): HomeLink[] {
  const left: HomeLink[] = []
  const oldestFirst = [...links].sort((a, b) => a.link.since - b.link.since)
  for (const next of oldestFirst) {
    const groups = new Groups()
    for (const { lower, upper } of [...left, next]) groups.join(lower, upper)
    if (groups.all().every((group) => brokenLimit(group, rules) === undefined)) left.push(next)
  }
  return left
}
