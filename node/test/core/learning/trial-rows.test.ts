import { describe, expect, it } from 'vitest'
import type { Choice } from '../../../src/core/decision/decide.ts'
import type { Placement } from '../../../src/core/decision/playbook.ts'
import type { JoinedOutcome } from '../../../src/core/learning/joined.ts'
import { trialText } from '../../../src/core/learning/trial.ts'
import { type TrialRow, trialRows } from '../../../src/core/learning/trial-rows.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { loggedWith } from './logged-choices.ts'

const playbook = compilePlaybook(`
playbook: shop
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: none, learn: { on: click, within: 30m } }
  mail: { channel: email, format: banner, fallback: none, token: 7d, learn: { on: click, within: 7d } }
offers:
  card: { treatments: { banner: card } }
`)
const minute = 60_000
const at = Date.UTC(2026, 5, 27, 13)

function placement(name: string): Placement {
  const found = playbook.placements.get(name)
  if (found === undefined) throw new Error(`no placement ${name}`)
  return found
}

function trialAt(name: string, bucket: string): string {
  return trialText(placement(name).learning?.lesson ?? '', bucket)
}

/** What a decision with these choices teaches, of the placements that learn. */
function rowsOf(choices: readonly Choice[], outcomes: readonly JoinedOutcome[], halvings = 0) {
  const { entry } = loggedWith(choices, { playbook, at, halvings })
  const taught = [...playbook.placements.values()].flatMap((one) =>
    one.learning ? [[one.name, one.learning] as const] : [],
  )
  return [...trialRows({ entry, outcomes }, new Map(taught))].map(
    ({ decision: _, ...row }: TrialRow) => row,
  )
}

function chosen(name: string, offer: string, trial: string | undefined): Choice {
  const proposition = { content: 'x', offer, treatment: 'banner', ...(trial && { trial }) }
  return { placement: placement(name), reason: 'sampled', propositions: [proposition] }
}

function outcome(said: JoinedOutcome['outcome'], after: number, rest = {}): JoinedOutcome {
  return { placement: 'hero', offer: 'card', outcome: said, at: at + after, ...rest }
}

const hero = chosen('hero', 'card', trialAt('hero', 'gold'))
const row = {
  at,
  placement: 'hero',
  offer: 'card',
  treatment: 'banner',
  bucket: 'gold',
  isReward: false,
  oneOf: 1,
}

describe('what a decision teaches', () => {
  it('is a trial where it was seen, and a reward where what was hoped for came in time', () => {
    const display = outcome('display', 100)

    expect(rowsOf([hero], [display])).toEqual([row])
    expect(rowsOf([hero], [display, outcome('click', 30 * minute)])).toEqual([
      { ...row, isReward: true },
    ])
    expect(rowsOf([hero], [display, outcome('click', 30 * minute + 1)])).toEqual([row])
    expect(rowsOf([hero], [display, outcome('accept', minute)])).toEqual([row])
  })

  it('is a trial, too, where a click says that it was seen', () => {
    expect(rowsOf([hero], [outcome('click', minute)])).toEqual([{ ...row, isReward: true }])
    expect(rowsOf([hero], [outcome('accept', minute)])).toEqual([row])
  })

  it('is nothing where it was never seen, or something else was', () => {
    expect(rowsOf([hero], [])).toEqual([])
    expect(rowsOf([hero], [outcome('dismiss', minute)])).toEqual([])
    expect(rowsOf([hero], [outcome('click', minute, { offer: 'mug' })])).toEqual([])
    expect(rowsOf([hero], [outcome('click', minute, { placement: 'mail' })])).toEqual([])
  })

  it('is nothing under another lesson, without one, or where default content was shown', () => {
    const display = outcome('display', 100)
    const other = chosen('hero', 'card', trialAt('mail', 'gold'))
    const none = chosen('hero', 'card', undefined)
    const fallback = chosen('hero', 'fallback', trialAt('hero', 'gold'))

    expect(rowsOf([other], [display])).toEqual([])
    expect(rowsOf([none], [display])).toEqual([])
    expect(rowsOf([fallback], [outcome('display', 100, { offer: 'fallback' })])).toEqual([])
  })

  it('is nothing of a person who is held out, whatever would have been shown', () => {
    const { propositions, ...rest } = hero
    const held = { ...rest, reason: 'holdout' as const, propositions: [], wouldHave: propositions }

    expect(rowsOf([held], [outcome('display', 100)])).toEqual([])
  })

  it('is a trial by deciding alone where content is displayed later', () => {
    const mail = chosen('mail', 'card', trialAt('mail', ''))

    expect(rowsOf([mail], [])).toEqual([{ ...row, placement: 'mail', bucket: '' }])
  })

  it('counts items of a template as one arm, and says how many a decision stands for', () => {
    const item = chosen('hero', 'again/4711', trialAt('hero', 'gold'))
    const display = outcome('display', 100, { offer: 'again/4711' })

    expect(rowsOf([item], [display], 3)).toEqual([{ ...row, offer: 'again', oneOf: 8 }])
  })
})
