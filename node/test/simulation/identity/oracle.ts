import {
  builtInNamespaces,
  compareFragmentIds,
  epochOf,
  type FragmentId,
  fragmentName,
  identifierIn,
  namespaceOf,
} from '@halfsecond/protocol'
import type { Fragment } from '../../../src/core/fragment/fragment.ts'
import { looseRule } from '../../../src/core/identity/rules.ts'
import { isSame, type Ties, type Version } from '../../../src/core/identity/ties.ts'
import { wrongMention, wrongName } from './erased-names.ts'
import { fragmentsOf, Groups, groupsOf, hasContent, linksOf, validLinksOf } from './homes.ts'
import type { IdentityWorld } from './identity-world.ts'
import type { Law, Violation } from './laws.ts'
import { brokenLimit } from './limits.ts'
import { isDevice, shardCount } from './people.ts'
import { wrongFacts } from './truth.ts'

type Check = (world: IdentityWorld) => string | undefined

const checks: readonly (readonly [Law, Check])[] = [
  ['it comes to rest', restless],
  ['whoever is connected is one profile, under the greatest', wrongProfile],
  ['a copy is in one profile, and is the newest', wrongCopy],
  ['limits hold, and nothing else is refused', wrongLimit],
  ['an erase reaches all that are connected, and no others', wrongErase],
  ['who was erased is named nowhere', wrongName],
  ['who was erased is named nowhere', wrongMention],
  ['nothing is lost, nothing is there twice', wrongFacts],
  ['who follows the signals knows the profiles', wrongSignals],
]

/** The first law that a world at rest breaks. */
export function lookAt(world: IdentityWorld): Violation | undefined {
  if (world.wrong) return world.wrong
  for (const [law, check] of checks) {
    const what = check(world)
    if (what !== undefined) return { law, what }
  }
  return undefined
}

/** Folding all logs again, from nothing, gives what was folded with all the interruptions. */
export function otherWhenRefolded(world: IdentityWorld): Violation | undefined {
  for (let shard = 0; shard < shardCount; shard++) {
    const live = world.replica(shard)
    const again = world.refolded(shard, live.state.applied)
    const isSameState = again.summary() === live.summary()
    again.end()
    if (!isSameState)
      return { law: 'the same log gives the same state', what: `shard ${shard} differs` }
  }
  return undefined
}

function restless(world: IdentityWorld): string | undefined {
  for (const { state, letters } of world.replicas) {
    if (state.outbox.size > 0) return `shard ${state.shard} still has ${state.outbox.size} to tell`
    const letter = letters.find(({ reason }) => !isMeantToBeAside(reason))
    if (letter) return `shard ${state.shard} put aside what is valid: ${letter.reason}`
  }
  return undefined
}

/** Whose epochs have several owners has to be erased by epoch; who is blocked is not heard. */
function isMeantToBeAside(reason: string): boolean {
  return reason.includes('name the epoch') || reason.includes('blocked by the identity')
}

function wrongProfile(world: IdentityWorld): string | undefined {
  const roots = new Map<FragmentId, readonly FragmentId[]>()
  for (const group of groupsOf(validLinksOf(world)).all()) {
    const root = group.at(-1)
    if (root) roots.set(root, group)
    const lost = group.find((id) => topOf(world, id) !== root)
    if (lost)
      return `whoever climbs from ${fragmentName(lost)} gets to ${fragmentName(topOf(world, lost))}`
  }
  for (const { identifier, ties } of fragmentsOf(world)) {
    const group = roots.get(identifier) ?? [identifier]
    const profile = [identifier, ...(ties?.members ?? [])]
    if (names(profile) !== names(group))
      return `${fragmentName(identifier)} is ${names(profile)} and not ${names(group)}`
    roots.delete(identifier)
  }
  for (const [root] of roots) return `nothing is known of ${fragmentName(root)}, which is a root`
  return undefined
}

/** Who stands above a fragment, as its home has told: climbing from anybody ends at the root. */
function topOf(world: IdentityWorld, id: FragmentId): FragmentId {
  let top = id
  for (let next: FragmentId | undefined = id; next !== undefined; ) {
    top = next
    next = [...(world.fragment(top)?.ties?.told.keys() ?? [])].sort(isLowerFirst).at(-1)
    if (next !== undefined && isLowerFirst(next, top) <= 0) return id
  }
  return top
}

function isLowerFirst(a: FragmentId, b: FragmentId): number {
  return compareFragmentIds(a, b, builtInNamespaces)
}

/** As another system would, from nothing but the signals. */
function wrongSignals(world: IdentityWorld): string | undefined {
  const profiles = new Map<FragmentId, Set<FragmentId>>()
  for (const { signal, root, members } of world.signals) {
    const profile = profiles.get(root) ?? new Set()
    profiles.set(root, profile)
    for (const id of members)
      if (signal === 'merged') profile.add(id)
      else if (signal !== 'erased' && !profile.delete(id))
        return `${fragmentName(root)} was ${signal} of ${fragmentName(id)}, which it never had`
  }
  for (const { identifier, ties } of fragmentsOf(world)) {
    const told = names([...(profiles.get(identifier) ?? [])])
    const held = names([...(ties?.members ?? [])])
    if (told !== held) return `${fragmentName(identifier)} has ${held}, but others know of ${told}`
  }
  return undefined
}

function names(ids: readonly FragmentId[]): string {
  return ids.map(fragmentName).sort().join(' + ')
}

function wrongCopy(world: IdentityWorld): string | undefined {
  const groups = groupsOf(validLinksOf(world))
  for (const fragment of fragmentsOf(world)) {
    if (fragment.ties === null) continue
    const what =
      strayCopy(world, fragment, fragment.ties, groups) ?? unheard(world, fragment, fragment.ties)
    if (what !== undefined) return `${fragmentName(fragment.identifier)} ${what}`
  }
  for (const group of groups.all()) {
    const root = group.at(-1)
    const below = root && world.fragment(root)?.ties?.below
    const held = new Set([...(below?.values() ?? [])].flatMap(({ copies }) => [...copies.keys()]))
    for (const id of group) {
      const home = world.fragment(id)
      if (id !== root && home && hasContent(home) && !held.has(id))
        return `${root && fragmentName(root)} lacks ${fragmentName(id)}`
    }
  }
  return undefined
}

/** What a fragment has from below is what its home has now. */
function strayCopy(
  world: IdentityWorld,
  { identifier }: Fragment,
  { below }: Ties,
  groups: Groups,
): string | undefined {
  for (const [from, { copies }] of below) {
    for (const { id, version, links, bytes } of copies.values()) {
      const name = fragmentName(id)
      if (!groups.areOne(identifier, id)) return `still has ${name}, by ${fragmentName(from)}`
      const home = world.fragment(id)
      if (home === undefined || !hasContent(home)) return `has ${name}, which is nothing`
      if (!isSame(version, versionOf(home))) return `has an old ${name}`
      const now = world.copyOf(id)
      if (now === undefined || Buffer.compare(now, bytes) !== 0)
        return `has a ${name} that differs from its home's`
      const valid = [...(home.ties?.links ?? [])].filter(([, { state }]) => state === 'valid')
      if (links.length !== valid.length) return `has other links of ${name} than its home`
    }
  }
  return undefined
}

/** What one was told, the other has heard. */
function unheard(
  world: IdentityWorld,
  { identifier }: Fragment,
  { told, below }: Ties,
): string | undefined {
  for (const [to, { since, also, copies }] of told) {
    const heard = world.fragment(to)?.ties?.below.get(identifier)
    if (heard?.since !== since || heard.also !== also)
      return `told ${fragmentName(to)} of an edge that it does not have`
    if (names([...copies.keys()]) !== names([...heard.copies.keys()]))
      return `told ${fragmentName(to)} of copies that it does not have`
  }
  for (const from of below.keys())
    if (!world.fragment(from)?.ties?.told.has(identifier))
      return `believes ${fragmentName(from)} to be below`
  return undefined
}

function versionOf({ sequence, index }: Fragment): Version {
  return { sequence, index }
}

function wrongLimit(world: IdentityWorld): string | undefined {
  for (const group of groupsOf(validLinksOf(world)).all()) {
    const namespace = brokenLimit(group, world.rules)
    if (namespace !== undefined) return `${names(group)} has too many of ${namespace}`
  }
  const nobodys = nobodysLink(world)
  if (nobodys) return nobodys
  const shared = fragmentsOf(world).find((fragment) => ownersOf(fragment).length > 1)
  if (shared) return `${fragmentName(shared.identifier)} has several owners`
  const ever = new Groups()
  for (const { record } of world.told) if (record.kind === 'link') ever.join(record.key, record.to)
  const epochs = fragmentsOf(world).flatMap(({ identifier }) =>
    epochOf(identifier) > 0 ? [identifier] : [],
  )
  const couldBreak = ever.all().some((group) => {
    const later = epochs.filter((id) => group.includes(identifierIn(id)))
    return brokenLimit([...group, ...later], world.rules) !== undefined
  })
  if (couldBreak) return undefined
  const refused = linksOf(world).find(
    ({ link }) => link.state === 'refused' && link.reason.startsWith('a profile'),
  )
  return refused && `${names([refused.lower, refused.upper])} is refused without a limit`
}

/** Whoever is blocked, or linked to more than any person, joins nobody. */
function nobodysLink(world: IdentityWorld): string | undefined {
  const { blocked, byNamespace } = world.rules
  const counts = new Map<FragmentId, number>()
  for (const { lower, upper } of validLinksOf(world)) {
    for (const id of [lower, upper]) {
      if (blocked.has(identifierIn(id))) return `${fragmentName(id)} is blocked, and linked`
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
  }
  for (const [id, count] of counts) {
    const { popularMax } = byNamespace.get(namespaceOf(identifierIn(id))) ?? looseRule
    if (count > popularMax) return `${fragmentName(id)} is linked to ${count} others`
  }
  return undefined
}

/** Whoever logged in on a device in one epoch. */
function ownersOf({ identifier, ties }: Fragment): FragmentId[] {
  if (!isDevice(identifier)) return []
  return [...(ties?.links ?? [])]
    .filter(([to, { state }]) => state === 'valid' && !isDevice(to))
    .filter(([, { strength }]) => strength === 'authenticated')
    .map(([to]) => to)
}

function wrongErase(world: IdentityWorld): string | undefined {
  const links = validLinksOf(world)
  for (const { identifier, ties } of fragmentsOf(world)) {
    for (const [eraseId, { at, wait, doneAt }] of ties?.tomb?.erasures ?? []) {
      const who = `${fragmentName(identifier)}, erased by ${eraseId},`
      if (wait.size > 0 || doneAt === 0) return `${who} waits for ${names([...wait])}`
      const older = links.find(
        ({ lower, upper, link }) =>
          (lower === identifier || upper === identifier) && link.since <= at,
      )
      if (older) return `${who} is still linked: ${names([older.lower, older.upper])}`
      if (!couldReach(world, eraseId, identifier)) return `${who} has nothing to do with it`
    }
  }
  return undefined
}

/** Whether an erase could come from where it was told to this fragment, over links that ever were. */
function couldReach(world: IdentityWorld, eraseId: string, id: FragmentId): boolean {
  const erase = world.told.find(({ record }) => record.id === eraseId)
  if (erase === undefined) return false
  const groups = new Groups()
  for (const { record, at } of world.told)
    if (record.kind === 'link' && at <= erase.at) groups.join(record.key, record.to)
  return groups.areOne(erase.record.key, identifierIn(id))
}
