import { type FragmentId, parseIdentifier } from '@halfsecond/protocol'
import { emptyHead, type HeadView } from '../../../src/core/person/head-view.ts'
import { isoTime, type LinkView } from '../../../src/core/profile-view.ts'
import { start } from '../../support/records.ts'

export const anon = parseIdentifier('anon:4hG8')
export const phone = parseIdentifier('anon:phone')
export const email = parseIdentifier('email:ann@shop.example')
export const user = parseIdentifier('user:17')

/** A time after the start of the tests' time, in milliseconds. */
export function at(ms: number): string {
  return isoTime(start + ms)
}

export function linkTo(to: FragmentId, more: Partial<LinkView> = {}): LinkView {
  const told = { to, strength: 'asserted', at: at(0), id: `l-${to}` } as const
  return { ...told, state: 'valid', since: at(0), under: 1, ...more }
}

/** A head with links to greater ones, and whatever else. */
export function headWith(
  id: FragmentId,
  links: readonly LinkView[] = [],
  more: Partial<HeadView> = {},
): HeadView {
  return { ...emptyHead(id), links, ...more }
}
