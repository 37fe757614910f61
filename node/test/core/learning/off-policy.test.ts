import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type LoggedChoice,
  LoggedChoices,
  merge,
} from '../../../src/core/learning/logged-choices.ts'
import {
  type Estimate,
  estimate,
  halfWidthErrors,
  type Measured,
  type Policy,
  uniformPolicy,
} from '../../../src/core/learning/off-policy.ts'
import { Dice } from '../../simulation/dice.ts'

const choice: fc.Arbitrary<LoggedChoice> = fc.record({
  action: fc.constantFrom('a', 'b', 'c', 'd'),
  bucket: fc.constantFrom('', 'new', 'regular'),
  reward: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: -50, max: 50, noNaN: true })),
  propensity: fc.double({ min: 0.01, max: 1, noNaN: true }),
  half: fc.constantFrom(0, 1),
})

const log = fc.array(choice, { minLength: 2, maxLength: 60 })

/** Some of it may be of actions that the log never has. */
const policy: fc.Arbitrary<Policy> = fc
  .record({
    a: fc.nat(9),
    b: fc.nat(9),
    c: fc.nat(9),
    d: fc.nat(9),
    z: fc.nat(9),
  })
  .map((parts) => {
    const sum = Object.values(parts).reduce((all, part) => all + part, 0)
    return new Map(Object.entries(parts).map(([action, part]) => [action, part / (sum || 1)]))
  })

describe('an estimate', () => {
  it('is what row by row comes out by the definitions', () => {
    fc.assert(
      fc.property(log, policy, (rows, target) => {
        const found = estimate(logOf(rows), target)

        const expected = byRow(rows, target)
        expectClose(found.ips, expected.ips)
        expectClose(found.snips, expected.snips)
        expectClose(found.dr, expected.dr)
        expectClose(found.gain, expected.gain)
        expectClose(found.logged, expected.logged)
        expectClose(found.meanWeight, expected.meanWeight)
        expect(found.ess).toBeCloseTo(expected.ess, 6)
        expect(found.maxWeight).toBeCloseTo(expected.maxWeight, 9)
        expect(found.rows).toBe(rows.length)
      }),
    )
  })

  it('of parts that are merged is that of the whole', () => {
    fc.assert(
      fc.property(log, fc.nat(60), policy, (rows, at, target) => {
        const parts = merge(logOf(rows.slice(0, at)), logOf(rows.slice(at)))

        const found = estimate(parts, target)

        const whole = estimate(logOf(rows), target)
        expectClose(found.ips, whole.ips)
        expectClose(found.snips, whole.snips)
        expectClose(found.dr, whole.dr)
        expect(found.ess).toBeCloseTo(whole.ess, 6)
        expect(found.maxWeight).toBe(whole.maxWeight)
        expect(parts.size).toBe(logOf(rows).size)
      }),
    )
  })

  it('of the policy that the log was made by is what the log earned', () => {
    const rows = drawn(new Dice(3), 500, even)

    const found = estimate(logOf(rows), even)

    expectClose(found.ips, found.logged)
    expectClose(found.snips, found.logged)
    expect(found.ess).toBeCloseTo(500, 6)
    expect(found.gain.value).toBeCloseTo(0, 9)
    expect(found.gain.standardError).toBeCloseTo(0, 6)
  })

  it('of a log without rows is zero', () => {
    expect(estimate(new LoggedChoices(), even)).toMatchObject({ rows: 0, ess: 0 })
  })

  it('of a policy of which the log shows nothing says so', () => {
    const found = estimate(logOf(drawn(new Dice(5), 50, even)), new Map([['elsewhere', 1]]))

    expect(found).toMatchObject({ unsupported: 1, ess: 0, ips: { value: 0 }, snips: { value: 0 } })
  })

  it('has the truth in its interval in at least 90 of 100 simulated logs', () => {
    const target: Policy = new Map([
      ['boots', 0.1],
      ['coats', 0.2],
      ['hats', 0.3],
      ['shoes', 0.4],
    ])
    const behaviour: Policy = new Map([
      ['boots', 0.5],
      ['coats', 0.25],
      ['hats', 0.15],
      ['shoes', 0.1],
    ])
    const truth = trueValue(target)
    const gain = truth - trueValue(behaviour)
    const hits = { ips: 0, snips: 0, dr: 0, gain: 0 }

    for (let seed = 1; seed <= 100; seed++) {
      const found = estimate(logOf(drawn(new Dice(seed), 2000, behaviour)), target)
      if (holds(found.ips, truth)) hits.ips++
      if (holds(found.snips, truth)) hits.snips++
      if (holds(found.dr, truth)) hits.dr++
      if (holds(found.gain, gain)) hits.gain++
    }

    expect(Math.min(...Object.values(hits)), JSON.stringify(hits)).toBeGreaterThanOrEqual(90)
  })

  it('by contexts is nearer to the truth where rewards differ by them', () => {
    const skewed: Policy = new Map([
      ['boots', 0.7],
      ['coats', 0.1],
      ['hats', 0.1],
      ['shoes', 0.1],
    ])
    const found = estimate(logOf(drawn(new Dice(8), 20_000, skewed)), even)

    expect(found.dr.standardError).toBeLessThan(found.ips.standardError * 0.95)
  })
})

describe('the uniform policy', () => {
  it('chooses each action alike', () => {
    expect(uniformPolicy(new Set(['a', 'b']))).toEqual(
      new Map([
        ['a', 0.5],
        ['b', 0.5],
      ]),
    )
  })
})

const even: Policy = uniformPolicy(new Set(['boots', 'coats', 'hats', 'shoes']))

/** How likely each is accepted by those who are new, and by those who are not. */
const tastes: { readonly [action: string]: readonly [number, number] } = {
  boots: [0.9, 0.5],
  coats: [0.6, 0.2],
  hats: [0.3, 0.7],
  shoes: [0.5, 0.1],
}

function tasteOf(action: string, isNew: boolean): number {
  return tastes[action]?.[isNew ? 0 : 1] ?? 0
}

/** Half of all visitors are new. */
function trueValue(policy: Policy): number {
  let value = 0
  for (const [action, share] of policy)
    value += (share * (tasteOf(action, true) + tasteOf(action, false))) / 2
  return value
}

function drawn(dice: Dice, rows: number, behaviour: Policy): LoggedChoice[] {
  return Array.from({ length: rows }, (_, index) => {
    const isNew = dice.chance(0.5)
    const [action, propensity] = pick(behaviour, dice.next())
    const reward = dice.chance(tasteOf(action, isNew)) ? 1 : 0
    const half = index % 2 === 0 ? 0 : 1
    return { action, bucket: isNew ? 'new' : 'regular', reward, propensity, half }
  })
}

function pick(policy: Policy, at: number): readonly [string, number] {
  let passed = 0
  for (const [action, share] of policy) {
    passed += share
    if (at < passed) return [action, share]
  }
  throw new Error('the probabilities add up to less than 1')
}

function holds({ value, standardError }: Measured, truth: number): boolean {
  return Math.abs(value - truth) <= halfWidthErrors * standardError
}

function logOf(rows: readonly LoggedChoice[]): LoggedChoices {
  const log = new LoggedChoices()
  for (const row of rows) log.add(row)
  return log
}

type Expected = Pick<
  Estimate,
  'ips' | 'snips' | 'dr' | 'gain' | 'logged' | 'meanWeight' | 'ess' | 'maxWeight'
>

/** The definitions, on rows instead of sums. */
function byRow(rows: readonly LoggedChoice[], target: Policy): Expected {
  const weights = rows.map(({ action, propensity }) => (target.get(action) ?? 0) / propensity)
  const rewards = rows.map(({ reward }) => reward)
  const weight = total(weights)
  const average = weight / rows.length
  const earned = weights.map((w, index) => w * (rewards[index] ?? 0))
  const snips = weight === 0 ? 0 : total(earned) / weight
  const mean = total(rewards) / rows.length
  const influences = weights.map((w, index) =>
    weight === 0 ? 0 : (w * ((rewards[index] ?? 0) - snips)) / average,
  )
  const gains = influences.map((influence, index) =>
    weight === 0 ? 0 : influence - (rewards[index] ?? 0) + mean,
  )
  const squares = total(weights.map((w) => w * w))
  return {
    logged: measuredOf(rewards),
    ips: measuredOf(earned),
    snips: { value: snips, standardError: measuredOf(influences).standardError },
    gain: { value: snips - mean, standardError: measuredOf(gains).standardError },
    meanWeight: measuredOf(weights),
    dr: measuredOf(
      rows.map((row, index) => {
        const others = rows.filter(({ half }) => half !== row.half)
        const expected = total(
          Array.from(target, ([action, share]) => share * modelled(others, row.bucket, action)),
        )
        const surprise = row.reward - modelled(others, row.bucket, row.action)
        return expected + (weights[index] ?? 0) * surprise
      }),
    ),
    ess: squares === 0 ? 0 : weight ** 2 / squares,
    maxWeight: Math.max(...weights),
  }
}

/** Means of what is narrower are pulled, as by ten rows, towards means of what is wider. */
function modelled(rows: readonly LoggedChoice[], bucket: string, action: string): number {
  const all = rows.length === 0 ? 0 : total(rows.map(({ reward }) => reward)) / rows.length
  const ofAction = rows.filter((row) => row.action === action)
  const wider = (total(ofAction.map(({ reward }) => reward)) + 10 * all) / (ofAction.length + 10)
  const ofCell = ofAction.filter((row) => row.bucket === bucket)
  return (total(ofCell.map(({ reward }) => reward)) + 10 * wider) / (ofCell.length + 10)
}

function measuredOf(values: readonly number[]): Measured {
  const n = values.length
  const value = total(values) / n
  const squares = total(values.map((one) => (one - value) ** 2))
  return { value, standardError: Math.sqrt(squares / (n - 1) / n) }
}

function total(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}

/**
 * Sums of squares lose half of the digits where the squares nearly cancel, so errors are compared by
 * what they are to the greatest that a row of such a log can be.
 */
function expectClose(found: Measured, expected: Measured): void {
  const scale = 1 + Math.abs(expected.value) + expected.standardError
  expect(Math.abs(found.value - expected.value) / scale).toBeLessThan(1e-9)
  expect(Math.abs(found.standardError - expected.standardError) / scale).toBeLessThan(1e-4)
}
