import { type Fields, fieldsOf, listOf, textOf } from './fields.ts'

/** What a plan, or what was applied, says; the profiles that are listed, each with what leaves it. */
export function describePlan(plan: Fields): string[] {
  const listed = listOf(plan.changes)
  const more = Number(plan.changing) - listed.length
  return [...listed.flatMap(describeChange), ...(more > 0 ? [`… and ${more} more`] : [])]
}

export function countProfiles(count: unknown): string {
  return count === 1 ? '1 profile' : `${textOf(count)} profiles`
}

function describeChange(change: Fields): string[] {
  const { profile, members, stays, leaving, refusing } = change
  const leaves = listOf(change.leaves)
  const refused = listOf(change.refused)
  return [
    `${textOf(profile)}, ${textOf(members)} identifiers:`,
    `  stay    ${describePart(fieldsOf(stays))}`,
    ...leaves.map((part) => `  leave   ${describePart(part)}`),
    ...moreThan(leaves, leaving),
    ...refused.map(
      ({ lower, upper, reason }) =>
        `  refused ${textOf(lower)} to ${textOf(upper)}: ${textOf(reason)}`,
    ),
    ...moreThan(refused, refusing),
  ]
}

function describePart({ named, members }: Fields): string {
  const names = Array.isArray(named) ? named.map(textOf) : []
  const more = Number(members) - names.length
  return names.join(', ') + (more > 0 ? `, and ${more} more` : '')
}

function moreThan(listed: readonly Fields[], count: unknown): string[] {
  const more = Number(count) - listed.length
  return more > 0 ? [`  … and ${more} more`] : []
}

export function describeLinks(reverted: Fields): string[] {
  const listed = listOf(reverted.unlinked)
  const more = Number(reverted.unlinking) - listed.length
  return [
    ...listed.map(
      ({ lower, upper, under }) =>
        `  ${textOf(lower)} from ${textOf(upper)}, linked under version ${textOf(under)}`,
    ),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ]
}
