import { describe, expect, it } from 'vitest'
import { type DecideRequest, decide, type Exposure } from '../../../src/core/decision/decide.ts'
import { profileOf } from '../../../src/core/decision/profile.ts'
import { reasonOf } from '../../../src/core/decision/reasons.ts'
import { sentenceOf } from '../../../src/core/decision/sentence.ts'
import type { Trace } from '../../../src/core/decision/verdict.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { faultsOf } from '../../playbook/faults-of.ts'
import { calendar, noon, Person } from './person.ts'

function textOf(limit: string): string {
  return `
playbook: strict
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: {}, token: 30d }
  side: { channel: web, format: banner, fallback: {} }
offers:
  card: { limits: [${limit}], treatments: { banner: {} } }
`
}

function playbookOf(limit: string) {
  return compilePlaybook(textOf(limit))
}

const strict = playbookOf('{ on: display, max: 1, per: lifetime, strict: true }')
const twice = playbookOf('{ on: display, max: 2, per: lifetime }')

/** What a person sees at `side` whom nothing is known of, and why. */
function seen(playbook = strict, given: Partial<DecideRequest> = {}) {
  const person = new Person(playbook)
  const profile = profileOf(person.fragment, playbook.features, [], noon, person.ground)
  const placement = playbook.placements.get('side')
  if (placement === undefined) throw new Error('there is a side')
  const traces = new Map<string, Trace>()
  const request = { placements: [placement], now: noon, exposures: [], ...given }
  const [choice] = decide(profile, request, playbook, calendar, traces)
  const trace = traces.get('side')
  const [judged] = trace?.candidates ?? []
  return {
    offer: choice?.propositions[0]?.offer,
    reason: judged && reasonOf(judged, trace?.candidates ?? []),
    sentence: choice && sentenceOf(placement, choice.reason, trace),
  }
}

const given: Exposure = { placement: 'side', offer: 'card' }

describe('an offer that a strict limit counts', () => {
  it('is not shown by a standby, which says why', () => {
    expect(seen().offer).toBe('card')
    expect(seen(playbookOf(strictTwice), { isPrimary: false })).toEqual({
      offer: undefined,
      reason: 'a strict limit counts it, and only the primary of the shard can grant it',
      sentence:
        'At side you see what everybody sees: the only offer, card, cannot be promised to you at this moment.',
    })
  })

  it('is not shown where the log refused it, and there only', () => {
    expect(seen(strict, { refused: [given] })).toMatchObject({
      offer: undefined,
      reason: 'a strict limit counts it, and something else was granted first',
    })
    expect(seen(strict, { refused: [{ placement: 'hero', offer: 'card' }] }).offer).toBe('card')
  })

  it('counts as given until its grant is known, whether or not it was displayed', () => {
    expect(seen(strict, { exposures: [given] }).offer).toBe(undefined)
    expect(seen(strict, { exposures: [{ ...given, known: 'displayed' }] }).offer).toBe(undefined)
    expect(seen(strict, { exposures: [{ ...given, known: 'granted' }] }).offer).toBe('card')
  })
})

const strictTwice = '{ on: display, max: 2, per: lifetime, strict: true }'

describe('an offer with a limit that is not strict', () => {
  it('counts as given until it is displayed', () => {
    const one = [given]
    expect(seen(twice, { exposures: one }).offer).toBe('card')
    expect(seen(twice, { exposures: [...one, { ...given, known: 'granted' }] }).offer).toBe(
      undefined,
    )
    expect(seen(twice, { exposures: [...one, { ...given, known: 'displayed' }] }).offer).toBe(
      'card',
    )
  })

  it('counts at a placement with a token until it is granted', () => {
    const mailed = { placement: 'hero', offer: 'card' } as const
    const two = (known: Exposure['known']) =>
      seen(twice, { exposures: [given, known === undefined ? mailed : { ...mailed, known }] }).offer
    expect(two(undefined)).toBe(undefined)
    expect(two('displayed')).toBe(undefined)
    expect(two('granted')).toBe('card')
  })

  it('leaves room for one that a standby does not know of', () => {
    expect(seen(twice, { isPrimary: false }).offer).toBe('card')
    expect(seen(twice, { isPrimary: false, exposures: [given] }).offer).toBe(undefined)
  })
})

describe('a strict limit', () => {
  it.each([
    ['{ on: click, max: 1, per: day, strict: true }', 'only a limit on display can be strict'],
    ['{ on: display, max: 1, per: day, pause: 1d, strict: true }', 'a strict limit has no pause'],
  ])('cannot be %s', (limit, message) => {
    expect(faultsOf(textOf(limit)).map((fault) => fault.message)).toEqual([
      expect.stringContaining(message),
    ])
  })
})
