import { fnv1a32, identifierOf } from '@halfsecond/protocol'
import { describe, expect, it, test } from 'vitest'
import { type Choice, decide, type Profile } from '../../../src/core/decision/decide.ts'
import { type LoggedDecision, readDecision } from '../../../src/core/decision/logged-decision.ts'
import type { Playbook } from '../../../src/core/decision/playbook.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { drawsPerArm, type Model, noModel } from '../../../src/core/learning/model.ts'
import { addReach, armLogged, reachOf, remadeIn } from '../../../src/core/learning/reach.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { decidedBy, loggedEntry } from '../../support/decided.ts'

const calendar = new ZoneCalendar()

function playbookWith(arms: string, learn = '', offers = ''): Playbook {
  return compilePlaybook(`
playbook: reached
consent: { personalise: assumed }
events: { order: {} }
placements:
  hero: { channel: web, format: banner, count: 2, fallback: { plain: true }${learn} }
  side: { channel: web, format: banner, fallback: {} }
experiments:
  look: { at: [hero], arms: ${arms}, measure: { event: order } }
offers:
  a: { value: 2, treatments: { banner: {} } }
  b: { treatments: { banner: {} } }
  c: { treatments: { banner: {} } }
  ${offers}
`)
}

const learn = ', learn: { on: click, explore: 0.1 }'

/** Says something else of each arm in each draw. */
const model: Model = {
  version: 3,
  of: () => ({
    drawsOf: ({ offer, treatment }, bucket) => {
      const rates = Float32Array.from(
        { length: drawsPerArm },
        (_, i) => (fnv1a32(`${i} ${offer} ${treatment} ${bucket}`) % 1_000) / 1_000,
      )
      return { rates, mean: 0.5 }
    },
  }),
}

interface Made {
  readonly logged: LoggedDecision
  /** What was shown, and what the control shows to whoever has the whole model. */
  readonly shown: string
  readonly inControl: string
}

function made(name: string, playbook: Playbook, control: string, known: Model): Made {
  const placements = ['hero', 'side'].flatMap((one) => playbook.placements.get(one) ?? [])
  const decision = `decision of ${name}`
  const request = { placements, now: 1_000, exposures: [], seed: decision, model: known }
  const profile: Profile = {
    traits: null,
    consents: null,
    features: new FeatureState(playbook.features),
    eldest: { id: identifierOf('anon', name), bornAt: 1 },
  }
  const choices = decide(profile, request, playbook, calendar)
  const arms = new Map([['look', control]])
  const [hero] = decide(profile, { ...request, arms }, playbook, calendar)
  const key = identifierOf('anon', name)
  const entry = loggedEntry(decidedBy({ decision, key, request, playbook, profile, choices }))
  return { logged: readDecision(entry), shown: textOf(choices[0]), inControl: textOf(hero) }
}

function textOf(choice: Choice | undefined): string {
  return JSON.stringify(choice?.propositions.map(({ offer, content }) => [offer, content]))
}

/** Of 400 decisions those in an arm, by what becomes of them in the control. All that is said is true. */
function counted(playbook: Playbook, arm: string, control: string, known: Model = model) {
  const count = { changed: 0, same: 0, notKnown: 0 }
  for (let i = 0; i < 400; i++) {
    const { logged, shown, inControl } = made(`p${i}`, playbook, control, known)
    if (armLogged(logged, 'look') !== arm) continue
    const remade = remadeIn(control, 'look', logged, playbook, calendar)
    count[remade]++
    if (remade !== 'notKnown') expect(remade).toBe(shown === inControl ? 'same' : 'changed')
  }
  expect(count.changed + count.same + count.notKnown).toBeGreaterThan(50)
  return count
}

const shows =
  '{ ours: 40%, none: { share: 20%, shows: fallback }, any: { share: 20%, shows: random }, plain: { share: 20%, shows: unlearned } }'

describe('whether a decision had been another one in the control', () => {
  it.each(['ours', 'any', 'plain'])('is known of all in arm %s against default content', (arm) => {
    expect(counted(playbookWith(shows, learn), arm, 'none')).toMatchObject({ same: 0, notKnown: 0 })
  })

  it.each(['any', 'plain'])('is known of all that learn, against %s', (control) => {
    const { changed, same, notKnown } = counted(playbookWith(shows, learn), 'ours', control)

    expect(notKnown).toBe(0)
    expect(changed).toBeGreaterThan(10)
    expect(same).toBeGreaterThan(10)
  })

  it.each(['any', 'plain'])(
    'is not known of arm %s against one that learns, where the log does not tell what the model said',
    (arm) => {
      const { changed, same, notKnown } = counted(playbookWith(shows, learn), arm, 'ours')

      expect(notKnown).toBeGreaterThan(changed + same)
    },
  )

  it('is known of all where nobody was taught anything yet', () => {
    for (const arm of ['none', 'any', 'plain'])
      expect(counted(playbookWith(shows, learn), arm, 'ours', noModel).notKnown).toBe(0)
  })

  it('is not known where an offer takes part that the model was not asked of', () => {
    const two = '{ ours: 50%, theirs: 50% }'
    const offer = `d: { value: 3, when: 'arm("look") == "theirs"', treatments: { banner: {} } }`
    const playbook = playbookWith(two, learn, offer)

    expect(counted(playbook, 'ours', 'theirs').notKnown).toBeGreaterThan(100)
    // The other way round most is known, but for what stands in a slot where it had no part.
    const { changed, same } = counted(playbook, 'theirs', 'ours')
    expect(changed + same).toBeGreaterThan(50)
  })

  it('counts content that asks for the arm', () => {
    const two = '{ ours: 50%, theirs: 50% }'
    const offer = `d: { priority: 9, treatments: { banner: { title: '\${arm("look")}' } } }`

    expect(counted(playbookWith(two, '', offer), 'ours', 'theirs')).toMatchObject({
      same: 0,
      notKnown: 0,
    })
  })

  it('is not known of arms that show the same by rules alone only where it cannot be made again', () => {
    const playbook = playbookWith('{ ours: 50%, theirs: 50% }')
    const { logged } = made('p1', playbook, 'ours', noModel)
    const tampered = { ...logged, choices: logged.choices.map((one) => ({ ...one, reason: 'x' })) }

    expect(counted(playbook, 'ours', 'theirs')).toMatchObject({ changed: 0, notKnown: 0 })
    expect(remadeIn('ours', 'look', tampered, playbook, calendar)).toBe('notKnown')
    expect(remadeIn('ours', 'look', { ...logged, stored: undefined }, playbook, calendar)).toBe(
      'notKnown',
    )
    expect(remadeIn('others', 'look', logged, playbook, calendar)).toBe('notKnown')
  })
})

test('a reach is of all that was compared, wherever that was', () => {
  const sums = addReach(
    [{ arm: 'ours', changed: 1, same: 2, notKnown: 3 }],
    [
      { arm: 'any', changed: 0, same: 0, notKnown: 1 },
      { arm: 'ours', changed: 4, same: 3, notKnown: 0 },
    ],
  )

  expect(reachOf(sums, 'ours')).toEqual({ share: 0.5, of: 10, notKnown: 3 })
  expect(reachOf(sums, 'any')).toEqual({ share: undefined, of: 0, notKnown: 1 })
  expect(reachOf(sums, 'other')).toEqual({ share: undefined, of: 0, notKnown: 0 })
})
