import { describe, expect, it } from 'vitest'
import { LoggedChoices } from '../../../src/core/learning/logged-choices.ts'
import { estimate } from '../../../src/core/learning/off-policy.ts'
import { judge } from '../../../src/core/learning/verdict.ts'

/** Half of the choices are `good`, half are `poor`, and each pays as told. */
function logOf(rows: number, pays: { readonly good: number; readonly poor: number }) {
  const log = new LoggedChoices()
  for (let row = 0; row < rows; row++) {
    const action = row % 2 === 0 ? 'good' : 'poor'
    const reward = row % 20 < pays[action] * 20 ? 1 : 0
    log.add({ action, bucket: '', reward, propensity: 0.5, half: row % 4 < 2 ? 0 : 1 })
  }
  return log
}

const alwaysGood = new Map([['good', 1]])
const alwaysPoor = new Map([['poor', 1]])

describe('a verdict', () => {
  const pays = { good: 0.8, poor: 0.2 }

  it('is better or worse where the interval of the gain says so', () => {
    expect(judge(estimate(logOf(2000, pays), alwaysGood), 0)).toEqual({ kind: 'better' })
    expect(judge(estimate(logOf(2000, pays), alwaysPoor), 0)).toEqual({ kind: 'worse' })
  })

  it('is undecided where it does not', () => {
    const alike = logOf(2000, { good: 0.5, poor: 0.5 })

    expect(judge(estimate(alike, alwaysGood), 0)).toEqual({ kind: 'undecided' })
  })

  it('is undecided of the policy that the log was made by, however sums are rounded', () => {
    const found = estimate(
      logOf(2000, pays),
      new Map([
        ['good', 0.5 + 1e-15],
        ['poor', 0.5 - 1e-15],
      ]),
    )

    expect(found.gain.value).not.toBe(0)
    expect(judge(found, 0)).toEqual({ kind: 'undecided' })
  })

  it('is refused below an effective sample size of 200, and given at it', () => {
    expect(judge(estimate(logOf(398, pays), alwaysGood), 0)).toEqual({
      kind: 'refused',
      reasons: ['ess'],
    })
    expect(judge(estimate(logOf(400, pays), alwaysGood), 0).kind).toBe('better')
  })

  it('is refused where the log shows too little of the policy', () => {
    const partlyNew = new Map([
      ['good', 0.94],
      ['new', 0.06],
    ])

    expect(judge(estimate(logOf(2000, pays), partlyNew), 0)).toEqual({
      kind: 'refused',
      reasons: ['unsupported'],
    })
  })

  it('is refused where many rows had to be left out', () => {
    expect(judge(estimate(logOf(1980, pays), alwaysGood), 20).kind).toBe('better')
    expect(judge(estimate(logOf(1980, pays), alwaysGood), 21)).toEqual({
      kind: 'refused',
      reasons: ['faulty'],
    })
  })

  it('is refused where nothing was ever earned', () => {
    const barren = logOf(2000, { good: 0, poor: 0 })

    expect(judge(estimate(barren, alwaysGood), 0)).toEqual({
      kind: 'refused',
      reasons: ['rewardless'],
    })
  })
})
