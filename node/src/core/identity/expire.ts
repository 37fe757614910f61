import { clearFacts } from '../fragment/clear-facts.ts'
import type { Fragment } from '../fragment/fragment.ts'
import type { Registers } from '../fragment/registers.ts'
import type { EraseGround } from './erase.ts'

/**
 * Forgets a fragment that nothing was written to after `idleSince`. Unlike an erase it spreads to
 * nobody and leaves no mark: what comes later is a new start.
 * @returns whether anything changed
 */
export function expire(fragment: Fragment, idleSince: number, ground: EraseGround): boolean {
  const last = lastWriteOf(fragment)
  if (last < 0 || last > idleSince) return false
  clearFacts(fragment, ground.facts)
  const { ties } = fragment
  if (ties !== null) {
    ties.links.clear()
    ties.forgotten = null
  }
  return true
}

/** The greatest time of any fact; −1 where there is none. */
export function lastWriteOf({ open, sealed, traits, links, consents }: Fragment): number {
  return Math.max(
    open.lastAt,
    sealed?.lastAt ?? -1,
    lastIn(traits),
    lastIn(links),
    lastIn(consents),
  )
}

function lastIn(registers: Registers<unknown> | null): number {
  let last = -1
  for (const { at } of registers?.values() ?? []) if (at > last) last = at
  return last
}
