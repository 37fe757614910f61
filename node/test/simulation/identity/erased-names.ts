import { type FragmentId, fragmentName, isFragmentId } from '@halfsecond/protocol'
import { fragmentsOf } from './homes.ts'
import type { IdentityWorld } from './identity-world.ts'

/** Up to when links do not outlive the erases of a fragment; −1 where there was none. */
export function erasedUpTo(world: IdentityWorld, id: FragmentId): number {
  const erasures = world.fragment(id)?.ties?.tomb?.erasures.values() ?? []
  return Math.max(-1, ...Array.from(erasures, ({ at }) => at))
}

/** Somebody who was erased and still stands in what others were told before. Copies are as homes are. */
export function wrongName(world: IdentityWorld): string | undefined {
  for (const { identifier, links } of fragmentsOf(world))
    for (const [name, { at }] of links ?? [])
      if (isFragmentId(name) && at <= erasedUpTo(world, name))
        return `${fragmentName(identifier)} still names ${fragmentName(name)}`
  return undefined
}

/** Whoever is mentioned has heard of it, and nobody else has. */
export function wrongMention(world: IdentityWorld): string | undefined {
  for (const { identifier, ties } of fragmentsOf(world)) {
    for (const to of ties?.mentions ?? [])
      if (!world.fragment(to)?.ties?.mentionedBy?.has(identifier))
        return `${fragmentName(to)} does not know that ${fragmentName(identifier)} mentions it`
    for (const from of ties?.mentionedBy ?? [])
      if (!world.fragment(from)?.ties?.mentions?.has(identifier))
        return `${fragmentName(identifier)} believes that ${fragmentName(from)} mentions it`
  }
  return undefined
}
