import type { LogisticCell } from '../../../src/core/learning/logistic.ts'
import { Dice } from '../../simulation/dice.ts'

/** From 0 up to 1. */
export type Chance = () => number

/** The same numbers for the same seed. */
export function seeded(seed: number): Chance {
  const dice = new Dice(seed * 0x9e3779b1)
  return () => dice.next()
}

/** Runs a generator to its end. */
export function run<T>(steps: Generator<void, T>): T {
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value
}

const count = { arms: 6, factors: 3, values: 4 } as const

/**
 * Visitors of 64 buckets and six arms. What a visitor is matters alike for all arms, and besides that
 * for each of them by so much as `pairs` says.
 */
export class Shop {
  readonly arms = Array.from({ length: count.arms }, (_, i) => `arm${i}`)
  private readonly chance: Chance
  private readonly weights = new Map<string, number>()

  constructor(chance: Chance, pairs: number) {
    this.chance = chance
    for (const arm of this.arms) this.weights.set(arm, 0.5 * this.normal())
    for (let place = 0; place < count.factors; place++)
      for (let value = 0; value < count.values; value++) {
        this.weights.set(`${place} ${value}`, 0.7 * this.normal())
        for (const arm of this.arms)
          this.weights.set(`${place} ${value} ${arm}`, pairs * this.normal())
      }
  }

  logOdds(arm: string, values: readonly string[]): number {
    const of = (name: string) => this.weights.get(name) ?? 0
    return values.reduce(
      (sum, value, place) => sum + of(`${place} ${value}`) + of(`${place} ${value} ${arm}`),
      of(arm) - 3,
    )
  }

  rate(arm: string, values: readonly string[]): number {
    return 1 / (1 + Math.exp(-this.logOdds(arm, values)))
  }

  /** A visitor of any kind, an arm, and what came of it. */
  trial(): {
    readonly arm: string
    readonly values: readonly string[]
    readonly isReward: boolean
  } {
    const arm = this.arms[this.below(count.arms)] ?? ''
    const values = Array.from({ length: count.factors }, () => String(this.below(count.values)))
    return { arm, values, isReward: this.chance() < this.rate(arm, values) }
  }

  /** What came of so many trials. */
  cellsOf(trials: number): LogisticCell[] {
    const cells = new Map<string, { -readonly [K in keyof LogisticCell]: LogisticCell[K] }>()
    for (let i = 0; i < trials; i++) {
      const { arm, values, isReward } = this.trial()
      const name = [arm, ...values].join(' ')
      const cell = cells.get(name) ?? { arm, values, trials: 0, rewards: 0 }
      cells.set(name, cell)
      cell.trials++
      if (isReward) cell.rewards++
    }
    return [...cells.values()]
  }

  *buckets(): Generator<readonly string[]> {
    for (let bucket = 0; bucket < count.values ** count.factors; bucket++)
      yield Array.from({ length: count.factors }, (_, place) =>
        String(Math.floor(bucket / count.values ** place) % count.values),
      )
  }

  *combinations(): Generator<readonly [arm: string, values: readonly string[]]> {
    for (const values of this.buckets()) for (const arm of this.arms) yield [arm, values]
  }

  /** Rewards of one visitor of each bucket, shown the arm of which most is believed. */
  earnedBy(believed: (arm: string, values: readonly string[]) => number): number {
    let earned = 0
    for (const values of this.buckets()) {
      const [best = ''] = this.arms.toSorted(
        (one, other) => believed(other, values) - believed(one, values),
      )
      earned += this.rate(best, values)
    }
    return earned
  }

  private below(end: number): number {
    return Math.floor(this.chance() * end)
  }

  private normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.chance()))
    return radius * Math.cos(2 * Math.PI * this.chance())
  }
}
