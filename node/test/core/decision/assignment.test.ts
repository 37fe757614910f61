import { identifierOf } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { type DecideRequest, decide, type Profile } from '../../../src/core/decision/decide.ts'
import { explanationsOf } from '../../../src/core/decision/explain.ts'
import {
  type LoggedDecision,
  readDecision,
  rederive,
} from '../../../src/core/decision/logged-decision.ts'
import type { Playbook } from '../../../src/core/decision/playbook.ts'
import { reasonOf } from '../../../src/core/decision/reasons.ts'
import type { Trace } from '../../../src/core/decision/verdict.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { drawsPerArm, type Model } from '../../../src/core/learning/model.ts'
import { armOf } from '../../../src/core/profile/arm.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { decidedBy, loggedEntry } from '../../support/decided.ts'

const calendar = new ZoneCalendar()

function playbookWith(experiments: string, learn = 'learn: { on: click, explore: 0.1 }'): Playbook {
  return compilePlaybook(`
playbook: tried
consent: { personalise: assumed }
events: { order: {} }
placements:
  hero: { channel: web, format: banner, fallback: { plain: true }, ${learn} }
  side: { channel: web, format: banner, fallback: {} }
experiments:
  ${experiments}
offers:
  a: { value: 2, treatments: { banner: {} } }
  b: { treatments: { banner: {} } }
  c: { treatments: { banner: {} } }
`)
}

const held = playbookWith(
  'held: { at: [hero], arms: { ours: 80%, none: { share: 10%, shows: fallback }, any: { share: 10%, shows: random } }, measure: { event: order } }',
)

/** Of `a` nobody takes any, and of the others everybody. */
const model: Model = {
  version: 3,
  of: () => ({
    drawsOf: ({ offer }) => {
      const mean = offer === 'a' ? 0.01 : 0.5
      return { rates: new Float32Array(drawsPerArm).fill(mean), mean }
    },
  }),
}

function person(name: string, playbook: Playbook): Profile {
  const features = new FeatureState(playbook.features)
  return {
    traits: null,
    consents: null,
    features,
    eldest: { id: identifierOf('anon', name), bornAt: 1 },
  }
}

function requestOf(playbook: Playbook, seed: string, names = ['hero']): DecideRequest {
  const placements = names.flatMap((name) => playbook.placements.get(name) ?? [])
  return { placements, now: 1_000, exposures: [], seed, model }
}

function choose(playbook: Playbook, name: string, more: Partial<DecideRequest> = {}) {
  const request = { ...requestOf(playbook, `decision of ${name}`), ...more }
  const [choice] = decide(person(name, playbook), request, playbook, calendar)
  if (choice === undefined) throw new TypeError('one placement has one choice')
  return choice
}

const people = Array.from({ length: 2_000 }, (_, i) => `p${i}`)

test('a person is in the arm that the published hash says, at the placements of the experiment alone', () => {
  const experiment = held.experiments[0]
  if (experiment === undefined) throw new TypeError('there is one')
  for (const name of people.slice(0, 200)) {
    const { name: arm } = armOf('held', experiment.arms, identifierOf('anon', name))
    expect(choose(held, name).arms).toEqual([`held=${arm}`])
    expect(choose(held, name, requestOf(held, 's', ['side'])).arms).toBeUndefined()
  }
})

test('who is held out sees default content, and it is known what they would have seen', () => {
  const out = people
    .map((name) => choose(held, name))
    .filter(({ arms }) => arms?.[0] === 'held=none')

  expect(out.length).toBeGreaterThan(100)
  for (const { reason, propositions, wouldHave, isTried } of out) {
    expect(reason).toBe('holdout')
    expect(propositions).toEqual([{ content: { plain: true } }])
    expect(wouldHave?.[0]?.offer).toMatch(/^[abc]$/)
    expect(isTried).toBe(true)
  }
})

test('who is held out where nothing would have been shown is no part of the experiment', () => {
  const choice = choose(held, 'p1', {
    ...requestOf(
      {
        ...held,
        placements: new Map(
          [...held.placements].map(([name, placement]) => [name, { ...placement, candidates: [] }]),
        ),
      },
      's',
    ),
    arms: new Map([['held', 'none']]),
  })

  expect(choice).toMatchObject({ reason: 'fallback', isTried: false })
  expect(choice.wouldHave).toBeUndefined()
})

test('an arm that shows any shows each alike, and says so', () => {
  const arms = new Map([['held', 'any']])
  const shown = people.map((name) => choose(held, name, { arms }).propositions[0])

  for (const offer of ['a', 'b', 'c']) {
    const count = shown.filter((one) => one?.offer === offer).length
    // Five standard errors of 2,000 draws with a probability of a third.
    expect(Math.abs(count - 2_000 / 3)).toBeLessThan(5 * Math.sqrt((2_000 * 2) / 9))
  }
  expect(shown.every((one) => one?.probability === 1 / 3)).toBe(true)
})

test('an arm without what was learnt goes by the rules', () => {
  const playbook = playbookWith(
    'use: { at: [hero], arms: { ours: 50%, rules: { share: 50%, shows: unlearned } }, measure: { on: click } }',
  )

  expect(choose(playbook, 'p', { arms: new Map([['use', 'rules']]) })).toMatchObject({
    reason: 'rules',
    propositions: [{ offer: 'a' }],
  })
  const learnt = people.map((p) => choose(playbook, p, { arms: new Map([['use', 'ours']]) }))
  const share = learnt.filter(({ propositions }) => propositions[0]?.offer === 'b').length / 2_000
  expect(share).toBeGreaterThan(0.9)
})

test('a person without any fragment is in no experiment', () => {
  const nobody = { ...person('x', held), eldest: null }
  const [choice] = decide(nobody, requestOf(held, 's'), held, calendar)

  expect(choice?.arms).toBeUndefined()
})

test('a held-out choice takes no offer from another placement of the same answer', () => {
  const playbook = playbookWith(
    'held: { at: [hero], arms: { ours: 50%, none: { share: 50%, shows: fallback } }, measure: { event: order } }',
    '',
  )
  const request = {
    ...requestOf(playbook, 's', ['hero', 'side']),
    arms: new Map([['held', 'none']]),
  }
  const [hero, side] = decide(person('x', playbook), request, playbook, calendar)

  expect(hero?.wouldHave?.[0]?.offer).toBe('a')
  expect(side?.propositions[0]?.offer).toBe('a')
})

function logged(playbook: Playbook, name: string): LoggedDecision {
  const decision = `decision of ${name}`
  const request = requestOf(playbook, decision, ['hero', 'side'])
  const profile = person(name, playbook)
  const key = identifierOf('anon', name)
  return readDecision(loggedEntry(decidedBy({ decision, key, request, playbook, profile })))
}

test('what chance and experiments decided is made again from the log alone, without the model', () => {
  const reasons = new Set<string>()
  for (const name of people.slice(0, 300)) {
    const decision = logged(held, name)
    const made = rederive(decision, held, calendar)
    const [hero] = decision.choices
    reasons.add(hero?.reason ?? '')

    expect(made?.isSame).toBe(true)
    expect(decision.model).toBe(3)
    expect(hero?.arms).toHaveLength(1)
    expect(made?.choices[0]?.propositions[0]?.probability).toBe(hero?.propositions[0]?.probability)
    expect(made?.choices[0]?.wouldHave?.map(({ offer }) => offer)).toEqual(
      hero?.reason === 'holdout' ? hero.wouldHave.map(({ offer }) => offer) : undefined,
    )
  }
  expect(reasons).toEqual(new Set(['sampled', 'holdout']))
})

test('who asks why is told the arms, and of none where no experiment is', () => {
  const placements = [...held.placements.values()]
  const traces = new Map<string, Trace>()
  decide(person('7', held), { placements, now: 1_000, exposures: [] }, held, calendar, traces)
  const [hero, side] = explanationsOf({
    playbook: held,
    traces,
    members: [],
    answer: {
      kind: 'decision',
      decision: 'd',
      playbook: 1,
      freshness: 'fresh',
      position: [0, 0, 0],
      placements: placements.map(({ name }) => ({
        placement: name,
        reason: 'rules',
        propositions: [],
      })),
    },
  })
  const arms = held.experiments[0]?.arms ?? []

  expect(hero?.arms).toEqual([`held=${armOf('held', arms, identifierOf('anon', '7')).name}`])
  expect(side).not.toHaveProperty('arms')
})

test('who asks why is not told that the best is behind what chance showed', () => {
  const reasons = new Set<string>()
  for (const name of people.slice(0, 300)) {
    const traces = new Map<string, Trace>()
    const choice = decide(person(name, held), requestOf(held, name), held, calendar, traces)[0]
    const { candidates = [] } = traces.get('hero') ?? {}
    const best = candidates.find(({ candidate }) => candidate.offer.name === 'a')
    if (choice?.arms?.[0] === 'held=any' && best) reasons.add(reasonOf(best, candidates))
  }

  const admitted = 'always admitted; priority 0, score 2 = value 2 × weight 1 × context 1'
  expect([...reasons].sort()).toEqual([
    `${admitted}, but chance showed b (priority 0, score 1)`,
    `${admitted}, but chance showed c (priority 0, score 1)`,
    `${admitted}; left to chance, with a probability of 33.3 %`,
  ])
})
