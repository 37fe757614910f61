import { Dice } from '../../node/test/simulation/dice.ts'

/*
 * A shop whose visitors are of a few kinds, each of which likes other offers. Tastes are log-odds, so
 * that a rate never leaves 0 to 1, and drift: from week to week each goes its own way, and comes back
 * a little towards what it was in the beginning.
 */

export interface World {
  /** Kinds of visitors, by which a placement can learn apart. */
  readonly kinds: readonly Kind[]
  /** Names of what can be shown. */
  readonly arms: readonly string[]
  /** Probability that whoever is shown the arm at this time will click. */
  rateOf(arm: number, kind: number, atMs: number): number
}

export interface Kind {
  readonly name: string
  /** Of all visitors. */
  readonly share: number
}

export interface WorldOptions {
  readonly seed: number
  readonly arms: number
  readonly weeks: number
  /** Deviation of the log-odds from one week to the next; 0: tastes stay as they are. */
  readonly drift: number
}

const weekMs = 7 * 86_400_000

const kinds: readonly Kind[] = [
  { name: 'new', share: 0.45 },
  { name: 'regular', share: 0.3 },
  { name: 'gold', share: 0.15 },
  { name: 'staff', share: 0.1 },
]

/** An average arm is clicked by one visitor of 28, a very good one by one of 8. */
const averageLogOdds = -3.3
/** How much better some arms are for all, and how much tastes of kinds differ. */
const armDeviation = 0.35
const tasteDeviation = 0.6
/** Of how far a taste has gone, what is left after a week. */
const memory = 0.85

export function worldOf({ seed, arms, weeks, drift }: WorldOptions): World {
  const dice = new Dice(seed)
  const quality = Array.from({ length: arms }, () => averageLogOdds + armDeviation * normal(dice))
  // By arm, kind and week: log-odds at its beginning; between two weeks they change evenly.
  const tastes = quality.map((base) =>
    kinds.map(() => {
      const home = base + tasteDeviation * normal(dice)
      let away = 0
      return Array.from({ length: weeks + 1 }, () => {
        const now = home + away
        away = memory * away + drift * normal(dice)
        return now
      })
    }),
  )
  return {
    kinds,
    arms: quality.map((_, arm) => `offer-${arm}`),
    rateOf: (arm, kind, atMs) => {
      const knots = tastes[arm]?.[kind] ?? []
      const place = Math.min(weeks, Math.max(0, atMs / weekMs))
      const week = Math.min(weeks - 1, Math.floor(place))
      const [from = 0, to = from] = [knots[week], knots[week + 1]]
      return 1 / (1 + Math.exp(-(from + (to - from) * (place - week))))
    },
  }
}

/** The kind of the next visitor. */
export function nextKind({ kinds: all }: World, dice: Dice): number {
  let rest = dice.next()
  for (const [kind, { share }] of all.entries()) {
    rest -= share
    if (rest < 0) return kind
  }
  return all.length - 1
}

/** Standard normal, of two throws (Box and Muller). */
export function normal(dice: Dice): number {
  return Math.sqrt(-2 * Math.log(1 - dice.next())) * Math.cos(2 * Math.PI * dice.next())
}
