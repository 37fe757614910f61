import { type FragmentId, identifierIn, namespaceOf } from '@halfsecond/protocol'
import { builtInRules, looseRule } from '../../../src/core/identity/rules.ts'
import { Groups, type HomeLink } from './homes.ts'

/** The namespace of which a group has more than a profile may have. */
export function brokenLimit(group: readonly FragmentId[]): string | undefined {
  const counts = new Map<string, Set<string>>()
  for (const id of group) {
    const identifier = identifierIn(id)
    const namespace = namespaceOf(identifier)
    const values = counts.get(namespace) ?? new Set()
    counts.set(namespace, values.add(identifier))
  }
  for (const [namespace, values] of counts) {
    const { max } = builtInRules.byNamespace.get(namespace) ?? looseRule
    if (values.size > max) return namespace
  }
  return undefined
}

/** The links that are left when each that would break a limit is left out, the oldest first. */
export function linksWithin(links: readonly HomeLink[]): HomeLink[] {
  const left: HomeLink[] = []
  const oldestFirst = [...links].sort((a, b) => a.link.since - b.link.since)
  for (const next of oldestFirst) {
    const groups = new Groups()
    for (const { lower, upper } of [...left, next]) groups.join(lower, upper)
    if (groups.all().every((group) => brokenLimit(group) === undefined)) left.push(next)
  }
  return left
}
