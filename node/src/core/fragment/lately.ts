import { fnv1a32 } from '@halfsecond/protocol'
import type { Ground } from './evolve.ts'
import type { Fragment } from './fragment.ts'
import { grantOf, propositionOf, type Shown, showing } from './said.ts'

type Reading = Pick<Ground, 'arena' | 'chunks'>

/** Whether one of the newest entries, at least 64, says that a proposition was seen. */
export function isShownLately(fragment: Fragment, shown: Shown, ground: Reading): boolean {
  const proposition = propositionOf(shown)
  return showing.some((said) => isAmongNewest(fragment, `${proposition}|${said}`, ground))
}

/** Whether one of the newest entries, at least 64, grants a proposition. */
export function isGrantedLately(fragment: Fragment, shown: Shown, ground: Reading): boolean {
  return isAmongNewest(fragment, grantOf(shown), ground)
}

function isAmongNewest(
  { identifier, open, sealed }: Fragment,
  identity: string,
  { arena, chunks }: Reading,
): boolean {
  const hash = fnv1a32(identity)
  if (open.timeOf(arena, hash, identity) !== undefined) return true
  if (sealed === null) return false
  // Of those that were sealed only the newest are remembered by their hash: no row is read for others.
  return sealed.timeOf(identifier, hash, identity, Number.POSITIVE_INFINITY, chunks) !== undefined
}
