import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { estimateCandidate } from '../../../src/core/learning/candidate-estimate.ts'
import { type CandidateRow, CandidateRows } from '../../../src/core/learning/candidate-rows.ts'
import { LoggedChoices } from '../../../src/core/learning/logged-choices.ts'
import { estimate, halfWidthErrors, type Measured } from '../../../src/core/learning/off-policy.ts'
import { judge } from '../../../src/core/learning/verdict.ts'
import { Dice } from '../../simulation/dice.ts'

const arms = ['boots banner', 'coats banner', 'hats banner'] as const
const kinds = ['new', 'regular'] as const
type Kind = (typeof kinds)[number]
type Probabilities = readonly [number, number, number]

/** How often each arm is accepted. */
const tastes: { readonly [kind in Kind]: Probabilities } = {
  new: [0.3, 0.1, 0.05],
  regular: [0.05, 0.2, 0.4],
}

/** The log looks at the visitor, too. */
const logged: { readonly [kind in Kind]: Probabilities } = {
  new: [0.2, 0.5, 0.3],
  regular: [0.6, 0.3, 0.1],
}

const candidate: { readonly [kind in Kind]: Probabilities } = {
  new: [0.8, 0.1, 0.1],
  regular: [0.1, 0.2, 0.7],
}

describe('an estimate of a candidate', () => {
  it('that does not look at the visitor is that of a policy, where each row is another person', () => {
    const row = fc.record({
      arm: fc.nat(2),
      bucket: fc.constantFrom('', 'new'),
      reward: fc.constantFrom(0, 1),
      propensity: fc.double({ min: 0.05, max: 0.9, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 50 }), (all) => {
        // What is left to chance is drawn row by row, so that only certainty gives the same dr.
        const policy = new Map([['coats banner', 1]])
        const rows = new CandidateRows('hero')
        const log = new LoggedChoices()
        all.forEach(({ arm, ...rest }, person) => {
          const action = arms[arm] ?? ''
          const probability = policy.get(action) ?? 0
          rows.add({
            ...plain,
            ...rest,
            person,
            before: action,
            probability,
            drawn: 'coats banner',
          })
          log.add({ ...rest, action, half: person % 2 === 0 ? 0 : 1 })
        })

        const found = estimateCandidate(rows)

        const expected = estimate(log, policy)
        for (const name of ['logged', 'ips', 'snips', 'dr', 'gain', 'meanWeight'] as const)
          expectClose(found[name], expected[name])
        expect(found.ess).toBeCloseTo(expected.ess, 6)
        expect(found.maxWeight).toBeCloseTo(expected.maxWeight, 9)
        expect(found.unsupported).toBeCloseTo(expected.unsupported, 6)
      }),
    )
  })

  it('has the truth in its interval in at least 90 of 100 logs, where it looks at the visitor', () => {
    const truth = worthOf(candidate)
    const gain = truth - worthOf(logged)
    const hits = { ips: 0, snips: 0, dr: 0, gain: 0 }
    for (let seed = 1; seed <= 100; seed++) {
      const found = estimateCandidate(drawn(new Dice(seed), { people: 600, each: 3 }))
      if (holds(found.ips, truth)) hits.ips++
      if (holds(found.snips, truth)) hits.snips++
      if (holds(found.dr, truth)) hits.dr++
      if (holds(found.gain, gain)) hits.gain++
    }

    for (const count of Object.values(hits)) expect(count).toBeGreaterThanOrEqual(90)
  })

  it('takes what one person does again and again for the evidence of one person', () => {
    const many = estimateCandidate(drawn(new Dice(7), { people: 1_000, each: 1 }))
    const few = estimateCandidate(drawn(new Dice(7), { people: 10, each: 100, isSame: true }))

    expect(few.rows).toBe(many.rows)
    expect(few.ess).toBeLessThan(11)
    expect(few.logged.standardError).toBeGreaterThan(3 * many.logged.standardError)
    expect(judge(few, 0)).toMatchObject({ kind: 'refused', reasons: ['ess'] })
    expect(judge(many, 0)).toEqual({ kind: 'better' })
  })

  it('counts a decision for all of those of which it was sampled', () => {
    const thinned = new CandidateRows('hero')
    const whole = new CandidateRows('hero')
    for (let person = 0; person < 400; person++) {
      const row = { ...plain, person, reward: person % 3 === 0 ? 1 : 0, before: 'boots banner' }
      const oneOf = person < 200 ? 1 : 4
      for (let n = 0; n < oneOf; n++) whole.add(row)
      thinned.add({ ...row, oneOf })
    }

    expect(estimateCandidate(thinned).logged.value).toBeCloseTo(
      estimateCandidate(whole).logged.value,
      12,
    )
    expectClose(estimateCandidate(thinned).logged, estimateCandidate(whole).logged)
  })

  it('says what a log that left nothing to chance never shows, and is refused', () => {
    const rows = new CandidateRows('hero')
    for (let person = 0; person < 2_000; person++) {
      const before = arms[person % 2] ?? ''
      // Half of the people are shown something that the log has, but never showed to such people.
      const after = person % 4 < 2 ? before : (arms[(person + 1) % 2] ?? '')
      const probability = before === after ? 1 : 0
      rows.add({
        ...plain,
        person,
        before,
        after,
        probability,
        drawn: after,
        reward: person % 5 ? 0 : 1,
      })
    }

    const found = estimateCandidate(rows)

    expect(found.unsupported).toBeCloseTo(0.5, 12)
    expect(found.meanWeight.value).toBeCloseTo(0.5, 12)
    expect(judge(found, 0)).toEqual({ kind: 'refused', reasons: ['unsupported'] })
    expect(found.support).toEqual([
      { arm: 'boots banner', share: 0.5, logged: 1_000, covered: 0.5 },
      { arm: 'coats banner', share: 0.5, logged: 1_000, covered: 0.5 },
    ])
  })

  it('of rows in parts is that of all of them, in whichever order names came', () => {
    const rows = drawn(new Dice(9), { people: 300, each: 2 })
    const other = drawn(new Dice(10), { people: 300, each: 2 })
    const one = new CandidateRows('hero')
    one.buckets.of('somebody')
    one.arms.of('hats banner')
    one.addParts(rows.parts())
    one.addParts(other.parts())
    rows.addParts(other.parts())

    expect(one.count).toBe(1_200)
    const { support: _, ...found } = estimateCandidate(one)
    const { support, ...expected } = estimateCandidate(rows)
    expect(found).toEqual(expected)
    expect(support.map(({ arm }) => arm).sort()).toEqual(arms)
  })

  it('of no rows is zero', () => {
    expect(estimateCandidate(new CandidateRows('hero'))).toMatchObject({ rows: 0, ess: 0 })
  })
})

const plain: CandidateRow = {
  person: 0,
  before: 'boots banner',
  after: 'boots banner',
  othersBefore: [],
  othersAfter: [],
  isSame: true,
  isSameButItems: true,
  bucket: '',
  reward: 0,
  oneOf: 1,
  propensity: 1,
  probability: 1,
  drawn: 'boots banner',
}

function worthOf(policy: typeof logged): number {
  const values = kinds.map((kind) =>
    policy[kind].reduce((sum, share, i) => sum + share * (tastes[kind][i] ?? 0), 0),
  )
  return values.reduce((sum, value) => sum + value / kinds.length, 0)
}

/** @param isSame whether a person does the same each time */
function drawn(
  dice: Dice,
  { people, each, isSame = false }: { people: number; each: number; isSame?: boolean },
): CandidateRows {
  const rows = new CandidateRows('hero')
  for (let person = 0; person < people; person++) {
    const kind = dice.pick(kinds)
    let row: CandidateRow | undefined
    for (let n = 0; n < each; n++) {
      if (row === undefined || !isSame) row = drawnRow(dice, kind, person)
      rows.add(row)
    }
  }
  return rows
}

function drawnRow(dice: Dice, kind: Kind, person: number): CandidateRow {
  const arm = pickOf(dice, logged[kind])
  return {
    ...plain,
    person,
    before: arms[arm] ?? '',
    after: arms[pickOf(dice, candidate[kind])] ?? '',
    bucket: kind,
    reward: dice.chance(tastes[kind][arm] ?? 0) ? 1 : 0,
    propensity: logged[kind][arm] ?? 0,
    probability: candidate[kind][arm] ?? 0,
    drawn: arms[pickOf(dice, candidate[kind])] ?? '',
  }
}

function pickOf(dice: Dice, probabilities: Probabilities): number {
  let rest = dice.next()
  const place = probabilities.findIndex((probability) => {
    rest -= probability
    return rest < 0
  })
  return place < 0 ? 2 : place
}

function holds({ value, standardError }: Measured, truth: number): boolean {
  return Math.abs(value - truth) <= halfWidthErrors * standardError
}

function expectClose(found: Measured, expected: Measured): void {
  const scale = Math.max(1, Math.abs(expected.value))
  expect(Math.abs(found.value - expected.value) / scale).toBeLessThan(1e-6)
  expect(Math.abs(found.standardError - expected.standardError) / scale).toBeLessThan(1e-5)
}
