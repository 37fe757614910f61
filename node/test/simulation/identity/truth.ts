import { epochOf, type FragmentId, fragmentName, identifierIn } from '@halfsecond/protocol'
import { compareIds, identityOf } from '../../../src/core/fragment/entry.ts'
import type { Fragment } from '../../../src/core/fragment/fragment.ts'
import { readTimeline } from '../../../src/core/fragment/timeline.ts'
import { isNewer } from '../../../src/core/identity/ties.ts'
import { erasedUpTo } from './erased-names.ts'
import { fragmentsOf } from './homes.ts'
import type { IdentityWorld } from './identity-world.ts'
import type { Told } from './shard-logs.ts'

/**
 * Own facts, worked out from the logs the slow way: what was told of an identifier, less what an
 * erase took. Which erases reached it is looked up; that they reach the right ones is checked
 * elsewhere.
 */
export function wrongFacts(world: IdentityWorld): string | undefined {
  const byIdentifier = new Map<string, Fragment[]>()
  for (const fragment of fragmentsOf(world)) {
    const identifier = identifierIn(fragment.identifier)
    byIdentifier.set(identifier, [...(byIdentifier.get(identifier) ?? []), fragment])
  }
  for (const [identifier, epochs] of byIdentifier) {
    const told = world.told.filter(({ record }) => record.key === identifier)
    const what =
      wrongTimeline(world, epochs, told) ??
      wrongRegisters(world, epochs, told) ??
      epochs.map(buriedRegister).find((one) => one !== undefined)
    if (what !== undefined) return `${identifier}: ${what}`
  }
  return undefined
}

/** Each entry is in exactly one epoch of its device, or was erased from one. */
function wrongTimeline(
  world: IdentityWorld,
  epochs: readonly Fragment[],
  told: readonly Told[],
): string | undefined {
  const places = new Map<string, FragmentId>()
  for (const fragment of epochs) {
    const { arena, chunks } = world.replicaOf(fragment.identifier)
    for (const { record } of readTimeline(fragment, { arena, chunks })) {
      const identity = identityOf(record)
      if (places.has(identity)) return `${identity} is there twice`
      places.set(identity, fragment.identifier)
    }
  }
  const ids = epochs.map(({ identifier }) => identifier)
  const expected = new Set<string>()
  for (const one of told) {
    const { record } = one
    if (record.kind !== 'event' && record.kind !== 'outcome' && record.kind !== 'logout') continue
    const identity = identityOf(record)
    const place = places.get(identity)
    const mayLack = ids.some((id) => isErased(world, id, one))
    if (place === undefined && !mayLack) return `${identity} is lost`
    if (place !== undefined && record.kind !== 'outcome' && isErased(world, place, one))
      return `${identity} is in ${fragmentName(place)}, which was erased`
    expected.add(identity)
  }
  for (const identity of places.keys())
    if (!expected.has(identity)) return `${identity} was never told`
  return undefined
}

/** Whether an erase took it, or came before it. */
export function isErased(world: IdentityWorld, id: FragmentId, told: Told): boolean {
  const tombAt = world.fragment(id)?.ties?.tomb?.at
  if (tombAt !== undefined && told.at <= tombAt) return true
  const by = world.erasedBy.get(id)
  return by !== undefined && !isNewer(told, by)
}

/** Of whoever has one fragment: each register has the last word. */
function wrongRegisters(
  world: IdentityWorld,
  epochs: readonly Fragment[],
  told: readonly Told[],
): string | undefined {
  const [fragment] = epochs
  if (fragment === undefined || epochs.length > 1 || epochOf(fragment.identifier) > 0)
    return undefined
  const last = new Map<string, Told & { readonly value: unknown }>()
  for (const one of told) {
    if (isErased(world, fragment.identifier, one)) continue
    for (const [register, value] of writesOf(one)) {
      const before = last.get(register)
      const isLater =
        before === undefined ||
        one.at > before.at ||
        (one.at === before.at && compareIds(one.record.id, before.record.id) > 0)
      if (isLater) last.set(register, { ...one, value })
    }
  }
  const hasOwners = fragment.device !== null
  for (const [register, { value, at, record }] of last) {
    const [kind = '', name = ''] = register.split(' ')
    if (hasOwners && kind === 'links') continue
    // Whoever was erased is not named any more.
    if ('to' in record && at <= erasedUpTo(world, record.to)) continue
    const found = registerIn(fragment, kind, name)
    if (found !== value) return `${register} is ${String(found)} and not ${String(value)}`
  }
  const { traits, consents, ties } = fragment
  for (const name of traits?.keys() ?? [])
    if (!last.has(`traits ${name}`)) return `trait ${name} was erased or never told`
  for (const purpose of consents?.keys() ?? [])
    if (!last.has(`consents ${purpose}`)) return `consent ${purpose} was erased or never told`
  for (const to of ties?.links.keys() ?? [])
    if (!last.has(`links ${to}`)) return `a link to ${to} was erased or never told`
  return undefined
}

/** A register from before an erase. */
function buriedRegister({
  identifier,
  traits,
  links,
  consents,
  ties,
}: Fragment): string | undefined {
  const tombAt = ties?.tomb?.at ?? -1
  for (const registers of [traits, links, consents])
    for (const [name, { at }] of registers ?? [])
      if (at <= tombAt) return `${fragmentName(identifier)} has ${name} from before its erase`
  return undefined
}

function writesOf({ record }: Told): (readonly [register: string, value: unknown])[] {
  switch (record.kind) {
    case 'traits':
      return Object.entries(record.set).map(([name, value]) => [`traits ${name}`, value])
    case 'consent':
      return [[`consents ${record.purpose}`, record.granted]]
    case 'link':
      return [[`links ${record.to}`, true]]
    case 'unlink':
      return [[`links ${record.to}`, false]]
    default:
      return []
  }
}

function registerIn({ traits, consents, ties }: Fragment, kind: string, name: string): unknown {
  if (kind === 'traits') return traits?.get(name)?.value
  if (kind === 'consents') return consents?.get(name)?.value
  return [...(ties?.links.keys() ?? [])].some((to) => to === name)
}
