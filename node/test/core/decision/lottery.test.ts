import { identifierOf } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { decide, type Profile } from '../../../src/core/decision/decide.ts'
import { distribution } from '../../../src/core/decision/distribution.ts'
import type { Placement, Playbook } from '../../../src/core/decision/playbook.ts'
import { sentenceOf } from '../../../src/core/decision/sentence.ts'
import type { Trace } from '../../../src/core/decision/verdict.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { drawsPerArm, type Model, noModel } from '../../../src/core/learning/model.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'

const calendar = new ZoneCalendar()
const learn = 'learn: { on: click, by: [channel], explore: 0.1 }'

const playbook = compilePlaybook(`
playbook: learned
consent: { personalise: assumed }
traits:
  name: { type: string }
placements:
  hero: { channel: web, format: banner, fallback: {}, ${learn} }
  pair: { channel: web, format: banner, count: 2, fallback: {}, ${learn} }
offers:
  a: { treatments: { banner: {} } }
  b: { treatments: { banner: {} } }
  c: { treatments: { banner: {} } }
  named: { treatments: { banner: { hello: "\${traits.name}" } } }
`)

function placementOf({ placements }: Playbook, name: string): Placement {
  const placement = placements.get(name)
  if (placement === undefined) throw new TypeError(`no placement ${name}`)
  return placement
}

const visitor: Profile = {
  traits: null,
  consents: null,
  features: new FeatureState(playbook.features),
  eldest: { id: identifierOf('anon', 'somebody'), bornAt: 1 },
}

/** Says of a, in each draw by its number, a rate; of all others another. */
function modelOf(rateOfA: (draw: number) => number, others = 0.1): Model {
  const drawn = (rateOf: (draw: number) => number) => {
    const rates = Float32Array.from({ length: drawsPerArm }, (_, draw) => rateOf(draw))
    return { rates, mean: rates.reduce((sum, rate) => sum + rate, 0) / drawsPerArm }
  }
  return {
    version: 7,
    of: () => ({ drawsOf: ({ offer }) => drawn(offer === 'a' ? rateOfA : () => others) }),
  }
}

function choose(model: Model | undefined, seed: string | undefined, at = 'hero') {
  const request = {
    placements: [placementOf(playbook, at)],
    now: 1_000,
    exposures: [],
    ...(model && { model }),
    ...(seed !== undefined && { seed }),
  }
  const [choice] = decide(visitor, request, playbook, calendar)
  if (choice === undefined) throw new TypeError('one placement has one choice')
  return choice
}

/** `a` wins half of the draws: then the first of the others by name, as all of them are alike. */
const half = modelOf((draw) => (draw % 2 === 0 ? 0.2 : 0.05))

test('the probability of an offer is its share of the draws, and of what is explored its part', () => {
  const likely = distribution(
    visitor,
    placementOf(playbook, 'hero'),
    { now: 1_000, exposures: [], model: half },
    playbook,
    calendar,
  )

  // Whose name is not known, theirs cannot be filled in, so three take part.
  expect(likely).toEqual([
    { offer: 'a', treatment: 'banner', probability: expect.closeTo(0.9 / 2 + 0.1 / 3) },
    { offer: 'b', treatment: 'banner', probability: expect.closeTo(0.9 / 2 + 0.1 / 3) },
    { offer: 'c', treatment: 'banner', probability: expect.closeTo(0.1 / 3) },
  ])
})

test('decisions follow the probabilities that they name', () => {
  const shown = new Map<string, number>()
  const decisions = 20_000
  for (let i = 0; i < decisions; i++) {
    const { reason, propositions } = choose(half, `decision-${i}`)
    const [{ offer = '', probability = 0 } = {}] = propositions
    expect(reason).toBe('sampled')
    expect(probability).toBeCloseTo(offer === 'c' ? 0.1 / 3 : 0.9 / 2 + 0.1 / 3)
    shown.set(offer, (shown.get(offer) ?? 0) + 1)
  }

  // Four standard errors of the share of 20,000 draws.
  for (const [offer, share] of [
    ['a', 0.9 / 2 + 0.1 / 3],
    ['b', 0.9 / 2 + 0.1 / 3],
    ['c', 0.1 / 3],
  ] as const) {
    const error = 4 * Math.sqrt((share * (1 - share)) / decisions)
    expect(Math.abs((shown.get(offer) ?? 0) / decisions - share)).toBeLessThan(error)
  }
})

test('the same decision chooses the same, and another may not', () => {
  const offers = Array.from({ length: 32 }, (_, i) => choose(half, `d${i}`).propositions[0]?.offer)

  expect(offers).toEqual(
    Array.from({ length: 32 }, (_, i) => choose(half, `d${i}`).propositions[0]?.offer),
  )
  expect(new Set(offers).size).toBeGreaterThan(1)
})

test('what is worth more needs fewer to take it', () => {
  const worth = compilePlaybook(`
playbook: worth
consent: { personalise: assumed }
placements: { hero: { channel: web, format: banner, fallback: {}, ${learn} } }
offers:
  a: { treatments: { banner: {} } }
  dear: { value: 3, treatments: { banner: {} } }
`)
  const likely = distribution(
    { ...visitor, features: new FeatureState(worth.features) },
    placementOf(worth, 'hero'),
    { now: 1_000, exposures: [], model: modelOf(() => 0.2) },
    worth,
    calendar,
  )

  expect(likely).toContainEqual({
    offer: 'dear',
    treatment: 'banner',
    probability: expect.closeTo(0.95),
  })
})

test('without a model the rules choose, but for what is explored', () => {
  const { propositions } = choose(noModel, 'd1')

  expect(propositions[0]).toMatchObject({ offer: 'a' })
  expect(propositions[0]?.probability).toBeCloseTo(0.9 + 0.1 / 3)
})

test('who asks why is told of others only where a model had a say', () => {
  const placement = placementOf(playbook, 'hero')
  const sentenceBy = (model: Model) => {
    const traces = new Map<string, Trace>()
    const request = { placements: [placement], now: 1_000, exposures: [], model, seed: 'd1' }
    decide(visitor, request, playbook, calendar, traces)
    return sentenceOf(placement, 'sampled', traces.get('hero'))
  }

  expect(sentenceBy(noModel)).toMatch(/^At hero you see [abc], by chance\.$/)
  expect(sentenceBy(half)).toMatch(
    /^At hero you see [abc], by chance and by what others took to\.$/,
  )
})

test('without a seed nothing is left to chance', () => {
  const { propositions } = choose(
    modelOf(() => 0.05),
    undefined,
  )

  expect(propositions[0]).toMatchObject({ offer: 'b', probability: 1 })
})

test('the second of two is drawn from those that are left, with its probability among them', () => {
  for (let i = 0; i < 200; i++) {
    const [first, second, ...more] = choose(half, `pair-${i}`, 'pair').propositions
    expect(more).toEqual([])
    expect(first?.offer).not.toBe(second?.offer)
    const isAGone = first?.offer === 'a'
    const share = second?.offer === 'c' && first?.offer !== 'b' ? 0 : isAGone ? 1 : 0.5
    expect(second?.probability).toBeCloseTo(0.9 * share + 0.1 / 2)
  }
})

test('a proposition says what is learnt from it', () => {
  expect(choose(half, 'd1').propositions[0]?.trial).toBe('click 1800000 604800000 web')
})

test('an offer of a greater priority is not left to chance', () => {
  const urgent = compilePlaybook(`
playbook: urgent
consent: { personalise: assumed }
placements: { hero: { channel: web, format: banner, fallback: {}, ${learn} } }
offers:
  a: { treatments: { banner: {} } }
  now: { priority: 1, treatments: { banner: {} } }
`)
  const likely = distribution(
    { ...visitor, features: new FeatureState(urgent.features) },
    placementOf(urgent, 'hero'),
    { now: 1_000, exposures: [], model: half },
    urgent,
    calendar,
  )

  expect(likely).toEqual([{ offer: 'now', treatment: 'banner', probability: 1 }])
})
