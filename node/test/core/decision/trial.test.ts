import { identifierOf } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { riseOf, tryOne } from '../../../src/core/decision/trial.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'

const calendar = new ZoneCalendar()

/** A playbook with one placement, and somebody of whom nothing is known. */
function world(placement = '', rest = '', when = 'channel == "web"') {
  const playbook = compilePlaybook(`
playbook: shop
consent: { personalise: assumed }
placements: { hero: { channel: web, format: banner, fallback: {}${placement} } }
${rest}
offers:
  a: { when: '${when}', treatments: { banner: {} } }
  b: { when: '${when}', treatments: { banner: {} } }
`)
  const profile = {
    traits: null,
    consents: null,
    features: new FeatureState(playbook.features),
    eldest: { id: identifierOf('anon', 'somebody'), bornAt: 1 },
  }
  return { playbook, profile }
}

const experiment = (shows: string) =>
  `experiments: { order: { at: [hero], arms: { all: { share: 50%, shows: ${shows} }, others: { share: 50%, shows: ${shows} } }, measure: { on: click } } }`

test.each([
  ['a placement begins to learn', world(', learn: click')],
  ['an arm shows anything', world('', experiment('random'))],
])('no default content is shown where %s', (_, next) => {
  const { hero } = tryOne(world(), next, calendar, 1_000).placements

  expect(hero).toEqual({ asked: 1, before: 0, after: 0 })
})

test.each([
  ['nothing may be shown', world('', '', 'channel == "app"')],
  ['people are held out', world('', experiment('fallback'))],
])('default content is shown where %s', (_, next) => {
  const { hero } = tryOne(world(', learn: click'), next, calendar, 1_000).placements

  expect(hero).toEqual({ asked: 1, before: 0, after: 1 })
  expect(hero && riseOf(hero)).toBe(100)
})
