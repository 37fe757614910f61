import {
  type Identifier,
  type LinkRecord,
  parseIdentifier,
  type UnlinkRecord,
} from '@halfsecond/protocol'
import type { Dice } from './dice.ts'

/** Browsers and customers who are linked and parted all the time; few, so that they meet often. */
const browsers = [0, 1, 2, 3, 4].map((i) => parseIdentifier(`anon:p${i}`))
const customers = [0, 1].map((i) => parseIdentifier(`user:p${i}`))

const people: readonly Identifier[] = [...browsers, ...customers]
const known: ReadonlySet<string> = new Set(people)

/** What a decide of them shows depends on more than one log. */
export function isOfPeople(key: string): boolean {
  return known.has(key)
}

/** What a channel's server hears next of one of them. */
export type Deed =
  | { readonly kind: 'track'; readonly who: Identifier }
  | { readonly kind: 'decide'; readonly who: Identifier }
  | {
      readonly kind: 'tell'
      readonly record:
        | Pick<LinkRecord, 'kind' | 'key' | 'to' | 'strength'>
        | Pick<UnlinkRecord, 'kind' | 'key' | 'to'>
    }

export function nextDeed(dice: Dice): Deed {
  if (dice.chance(0.3)) return { kind: 'track', who: dice.pick(people) }
  if (dice.chance(0.4)) return { kind: 'decide', who: dice.pick(people) }
  const [key, to] = [dice.pick(browsers), dice.pick(customers)]
  return dice.chance(0.6)
    ? { kind: 'tell', record: { kind: 'link', key, to, strength: 'authenticated' } }
    : { kind: 'tell', record: { kind: 'unlink', key, to } }
}
