import { builtInNamespaces, compareFragmentIds, type FragmentId } from '@halfsecond/protocol'
import type { Fragment } from '../../../src/core/fragment/fragment.ts'
import type { Link } from '../../../src/core/identity/ties.ts'
import type { IdentityWorld } from './identity-world.ts'

/** A link as its lower end's home has it. */
export interface HomeLink {
  readonly lower: FragmentId
  readonly upper: FragmentId
  readonly link: Link
}

export function fragmentsOf(world: IdentityWorld): Fragment[] {
  return world.replicas.flatMap(({ fragments }) => [...fragments.values()])
}

export function linksOf(world: IdentityWorld): HomeLink[] {
  const links: HomeLink[] = []
  for (const { identifier, ties } of fragmentsOf(world))
    for (const [upper, link] of ties?.links ?? []) links.push({ lower: identifier, upper, link })
  return links
}

export function validLinksOf(world: IdentityWorld): HomeLink[] {
  return linksOf(world).filter(({ link }) => link.state === 'valid')
}

/** Whether there is anything that its copy could say. */
export function hasContent({ open, sealed, traits, consents, ties }: Fragment): boolean {
  const isUntold = open.count === 0 && sealed === null && traits === null && consents === null
  const links = [...(ties?.links.values() ?? [])]
  return !isUntold || links.some(({ state, isOverLimit }) => state === 'valid' || isOverLimit)
}

/** Whoever is connected by links, found the plain way. */
export class Groups {
  private readonly parents = new Map<string, string>()
  private readonly ids = new Map<string, FragmentId>()

  join(one: FragmentId, other: FragmentId): void {
    this.ids.set(one, one).set(other, other)
    this.parents.set(this.find(one), this.find(other))
  }

  areOne(one: string, other: string): boolean {
    return this.find(one) === this.find(other)
  }

  /** All that were joined, by group, the greatest of each last. */
  all(): FragmentId[][] {
    const groups = new Map<string, FragmentId[]>()
    for (const id of this.ids.values()) {
      const of = this.find(id)
      const group = groups.get(of)
      if (group) group.push(id)
      else groups.set(of, [id])
    }
    return [...groups.values()].map((group) =>
      group.sort((a, b) => compareFragmentIds(a, b, builtInNamespaces)),
    )
  }

  find(id: string): string {
    let at = id
    for (let next = this.parents.get(at); next !== undefined && next !== at; ) {
      at = next
      next = this.parents.get(at)
    }
    return at
  }
}

export function groupsOf(links: readonly HomeLink[]): Groups {
  const groups = new Groups()
  for (const { lower, upper } of links) groups.join(lower, upper)
  return groups
}
