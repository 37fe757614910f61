import {
  type ChannelRecord,
  type FragmentId,
  fragmentName,
  identifierIn,
} from '@halfsecond/protocol'
import type { Step } from './history.ts'
import { fragmentsOf, Groups, groupsOf, type HomeLink, linksOf, validLinksOf } from './homes.ts'
import type { IdentityWorld } from './identity-world.ts'
import type { Violation } from './laws.ts'
import { linksWithin } from './limits.ts'
import { isDevice } from './people.ts'
import { isErased } from './truth.ts'
import { isAbout } from './unmerge.ts'

/**
 * What one record does to a world at rest can be foreseen exactly: which links limits leave, and
 * whom an erase reaches. Takes the step, lets everything arrive, and compares.
 */
export function takeForeseen(
  world: IdentityWorld,
  step: Extract<Step, { kind: 'tell' }>,
): Violation | undefined {
  const [record] = step.records
  const before = validLinksOf(world)
  world.apply(step)
  if (record === undefined) return undefined
  world.foldAll()
  const untold = wrongWord(world, record)
  if (untold) return untold
  const told = validLinksOf(world)
  const overLimit = linksOf(world).filter(({ link }) => link.isOverLimit)
  world.settle()
  return record.kind === 'erase'
    ? wrongReach(world, record, before)
    : wrongRefusals(world, told, overLimit)
}

/** A link that is told is valid, refused before or not, until it is judged. */
function wrongWord(world: IdentityWorld, record: ChannelRecord): Violation | undefined {
  const word = world.told.at(-1)
  // Whose device it was then is a question of its own.
  if (record.kind !== 'link' || word === undefined || isDevice(record.key)) return undefined
  const { key, to, strength } = record
  const words = world.told.filter(({ record }) => isAbout(record, key, to))
  const isLast = words.every((other) => other === word || other.at < word.at)
  if (strength !== 'authenticated' || !isLast || isErased(world, key, word)) return undefined
  if (world.fragment(key)?.ties?.links.get(to)?.state === 'valid') return undefined
  const what = `${fragmentName(key)} was told to be ${fragmentName(to)}, and is not`
  return { law: 'limits hold, and nothing else is refused', what }
}

function wrongRefusals(
  world: IdentityWorld,
  told: readonly HomeLink[],
  overLimit: readonly HomeLink[],
): Violation | undefined {
  const all = [...told, ...overLimit]
  const times = new Set(all.map(({ link }) => link.since))
  // Of links that are equally old either may be left out; those from before an erase go with it.
  if (times.size < all.length || all.some((link) => isBuried(world, link))) return undefined
  const left = linksWithin(told, world.rules)
  const expected = namesOf([...left, ...linksInside(overLimit, left)])
  const found = namesOf(validLinksOf(world))
  if (found === expected) return undefined
  const what = `valid are ${found} and not ${expected}`
  return { law: 'limits hold, and nothing else is refused', what }
}

/** Those whose ends older links connect: they join nothing, and hold again. */
function linksInside(overLimit: readonly HomeLink[], left: readonly HomeLink[]): HomeLink[] {
  return overLimit.filter(({ lower, upper, link }) =>
    groupsOf(left.filter((other) => other.link.since < link.since)).areOne(lower, upper),
  )
}

function isBuried(world: IdentityWorld, { lower, upper, link }: HomeLink): boolean {
  return [lower, upper].some((id) => {
    const erasures = world.fragment(id)?.ties?.tomb?.erasures.values() ?? []
    return [...erasures].some(({ at }) => link.since <= at)
  })
}

function namesOf(links: readonly HomeLink[]): string {
  return links
    .map(({ lower, upper }) => `${fragmentName(lower)}–${fragmentName(upper)}`)
    .sort()
    .join(', ')
}

function wrongReach(
  world: IdentityWorld,
  { key, eraseId }: { readonly key: string; readonly eraseId: string },
  before: readonly HomeLink[],
): Violation | undefined {
  const erased: FragmentId[] = []
  let at: number | undefined
  for (const { identifier, ties } of fragmentsOf(world)) {
    const erasure = ties?.tomb?.erasures.get(eraseId)
    if (erasure === undefined) continue
    erased.push(identifier)
    if (erasure.back === null && identifierIn(identifier) === key) at = erasure.at
  }
  const law = 'an erase reaches all that are connected, and no others'
  // A device with several owners is erased only where the epoch is named.
  if (at === undefined) return erased.length > 0 ? { law, what: 'it has no origin' } : undefined
  const until = at
  const groups = new Groups()
  for (const { lower, upper, link } of before) if (link.since <= until) groups.join(lower, upper)
  const origins = erased.filter((id) => identifierIn(id) === key)
  const expected = new Set<FragmentId>(origins)
  for (const group of groups.all())
    if (group.some((id) => origins.includes(id))) for (const id of group) expected.add(id)
  const found = erased.map(fragmentName).sort().join(', ')
  const wanted = [...expected].map(fragmentName).sort().join(', ')
  return found === wanted ? undefined : { law, what: `it reached ${found} and not ${wanted}` }
}
