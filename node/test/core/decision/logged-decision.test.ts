import { type Identifier, identifierOf, outcomes } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Choice, decide, type Profile } from '../../../src/core/decision/decide.ts'
import {
  type Decided,
  encodeDecision,
  headOf,
  loggedBytesMax,
  readDecision,
  rederive,
  setHalvings,
} from '../../../src/core/decision/logged-decision.ts'
import type { Playbook } from '../../../src/core/decision/playbook.ts'
import { profileOf } from '../../../src/core/decision/profile.ts'
import type { Trace } from '../../../src/core/decision/verdict.ts'
import { mergeProfiles } from '../../../src/core/profile/merged-profile.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { minuteMs, noon, Person } from './person.ts'

const text = `
playbook: logged
zone: Europe/London
events:
  page: { path: string }
  viewed: { sku: string, kind: string }
  cart: {}
  bought: { price: double }
traits:
  tier: { type: string, default: none }
  manager: { type: string }
  age: { type: int }
facts:
  helped: recent("page", "30m").exists(p, p.path.startsWith("/help"))
  keen: sequence("7d", step("viewed", 2, "10m"), step("cart"), without("bought", "90d"))
  rich: sum("bought", "price", "30d") > 100.0
  late: now.hour >= 18
context:
  - { when: helped, group: service, times: 2 }
  - { when: rich, offer: thanks, times: 20 }
channels:
  call: { quiet: "15:00-08:00", when: 'traits.age >= 12' }
groups:
  service: { weight: 3 }
  sales: { never: helped, limits: [{ on: display, max: 3, per: day, across: group }] }
placements:
  hero: { channel: web, format: banner, fallback: { title: default }, limits: [{ on: display, max: 5, per: session }] }
  side: { channel: web, format: banner, count: 2, fallback: {}, rank: 'keen ? context * value : value + weight' }
  call: { channel: call, format: script, count: 3, fallback: {} }
offers:
  manager: { group: service, priority: 9, when: 'helped && traits.tier in ["gold", "silver"]', treatments: { banner: { title: "\${traits.manager} helps" }, script: {} } }
  card: { group: sales, value: 40, when: 'traits.tier != "none"', accepted: retire, rejected: { pause: 90d }, treatments: { banner: {}, script: {} } }
  again: { group: sales, value: 50, when: 'keen || count("viewed", "1h") >= 2', treatments: { banner: { title: 'Still \${latest("viewed", "sku")}?' } } }
  kind: { value: 7, when: 'distinct("viewed", "kind", "30d") >= 2', treatments: { banner: { title: 'More \${favourite("viewed", "kind", "14d")}' }, script: {} } }
  adult: { value: 6, when: traits.age >= 18, limits: [{ on: dismiss, max: 2, per: 1h, pause: 2h }], treatments: { banner: {}, script: {} } }
  thanks: { value: 'sum("bought", "price", "30d") * 0.05', when: rich, starts: 2025-06-01, treatments: { banner: {}, script: {} } }
  night: { value: 4, when: 'late && count("page", "1d") >= 2', treatments: { banner: {} } }
  plain: { value: 1, limits: [{ on: display, max: 2, per: week, across: placement }], treatments: { banner: {}, script: {} }, locales: { de: { banner: { title: schlicht } } } }
`
const playbook = compilePlaybook(text)
/** As another node has it. */
const elsewhere = compilePlaybook(text)
const calendar = new ZoneCalendar()
const key = identifierOf('crm', '991')
const position = [3, 77, 12] as const

interface Happened {
  readonly of: number
  readonly what: number
  readonly choice: number
  readonly minutesAgo: number
}

const happened: fc.Arbitrary<Happened> = fc.record({
  of: fc.nat(2),
  what: fc.nat(11),
  choice: fc.nat(20),
  minutesAgo: fc.oneof(fc.nat(20), fc.nat(200), fc.nat(20_000)),
})

function pick<T>(list: readonly [T, ...T[]], choice: number): T {
  return list[choice % list.length] ?? list[0]
}

function recordOf(person: Person, { what, choice, minutesAgo }: Happened) {
  const at = noon - minutesAgo * minuteMs
  const kind = pick(['tents', 'boots', 'mugs'], choice)
  switch (what) {
    case 0:
      return person.event('page', { path: pick(['/help', '/home'], choice) }, at)
    case 1:
    case 2:
      return person.event('viewed', { sku: `s${choice}`, kind }, at)
    case 3:
      return person.event('cart', {}, at)
    case 4:
      return person.event('bought', { price: choice * 7.3 }, at)
    case 5:
      return person.traits({ tier: pick(['gold', 'silver', 'none'], choice), secret: 'x' }, at)
    case 6:
      return person.traits({ manager: `Maya ${choice}`, age: choice + 10 }, at)
    case 8:
      return person.traits(
        {
          zone: pick(['Asia/Tokyo', 'America/New_York', 'Europe/London'], choice),
          locale: pick(['de-AT', 'en'], choice),
        },
        at,
      )
    case 7:
      return {
        ...person.consent(choice > 2, at),
        ...(choice % 5 === 4 && { purpose: pick(['sales', 'card', 'plain'], choice) }),
      }
    default: {
      const offer = pick(['card', 'adult', 'plain', 'again'], choice)
      return person.outcome(pick(outcomes, choice), offer, pick(['hero', 'side'], choice), at)
    }
  }
}

/** The profile of several fragments, as a root merges it: its own with all others together. */
function profileFrom(all: readonly Happened[], isWhole: boolean): Profile {
  const profiles = [0, 1, 2].map((of) => {
    const person = new Person(playbook)
    const own = all.filter((one) => one.of === of).map((one) => recordOf(person, one))
    const pending = own.splice(-2)
    person.fold(...own)
    return profileOf(person.fragment, playbook.features, pending, noon, person.ground)
  })
  const [own, ...others] = profiles
  if (own === undefined || all.every(({ of }) => of === 0)) return own ?? nobody
  const features = others.map((one) => one.features)
  const below = mergeProfiles(others, isWhole ? features : [...features, null], playbook.features)
  return mergeProfiles([own, below], [own.features, below.features], playbook.features)
}

const nobody: Profile = profileOf(
  new Person(playbook).fragment,
  playbook.features,
  [],
  noon,
  new Person(playbook).ground,
)

function decidedOf(
  profile: Profile,
  names: readonly string[],
  exposures: Decided['request']['exposures'] = [],
): { readonly decided: Decided; readonly traces: ReadonlyMap<string, Trace> } {
  const placements = names.flatMap((name) => playbook.placements.get(name) ?? [])
  const request = { placements, now: noon, exposures }
  const traces = new Map<string, Trace>()
  const choices = decide(profile, request, playbook, calendar, traces)
  return {
    traces,
    decided: {
      decision: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
      node: 'node-1',
      key,
      members: [key, identifierOf('anon', 'x')],
      versionOf: (id) => (id === key ? { sequence: 5, index: 2 } : undefined),
      request,
      positions: [position],
      pending: 1,
      position,
      isFresh: true,
      playbook,
      playbookVersion: 7,
      profile,
      choices,
    },
  }
}

function encoded(decided: Decided, halvings = 0): Uint8Array {
  const entry = encodeDecision(decided, halvings)
  if (entry === undefined) throw new Error('too large')
  return entry
}

function told(choices: readonly Choice[], traces: ReadonlyMap<string, Trace>): unknown {
  return {
    choices: choices.map(({ placement, ...rest }) => ({ placement: placement.name, ...rest })),
    traces: [...traces].map(([name, { candidates, facts }]) => ({
      name,
      facts,
      candidates: candidates.map(({ candidate, verdict, findings, limitState, score }) => ({
        offer: candidate.offer.name,
        treatment: candidate.treatment,
        verdict: verdict.kind,
        findings,
        limitState,
        score: score.score,
      })),
    })),
  }
}

describe('a logged decision', () => {
  it('is made again bit by bit, with its reasons, by whoever has the text of the playbook', () => {
    const names = ['hero', 'side', 'call'] as const
    const asked = fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 })
    const exposed = fc.array(fc.constantFrom('card', 'plain', 'adult'), { maxLength: 2 })
    const seen = new Set<string>()
    fc.assert(
      fc.property(
        fc.array(happened, { maxLength: 50 }),
        asked,
        exposed,
        fc.boolean(),
        (all, placements, offers, isWhole) => {
          const exposures = offers.map((offer) => ({ placement: 'side', offer }))
          const profile = profileFrom(all, isWhole)
          const { decided, traces } = decidedOf(profile, placements, exposures)

          const again = rederive(readDecision(encoded(decided)), elsewhere, calendar)

          expect(told(again?.choices ?? [], again?.traces ?? new Map())).toEqual(
            told(decided.choices, traces),
          )
          expect(again?.isSame).toBe(true)
          for (const { propositions, reason } of decided.choices)
            for (const { offer } of propositions) seen.add(offer ?? reason)
        },
      ),
      { numRuns: 400 },
    )
    expect(seen.size).toBeGreaterThan(6)
  })

  it('knows of a change of zone that keeps the day of its limits from ending', () => {
    const visitor = new Person(playbook)
    const ago = (minutes: number) => noon - minutes * minuteMs
    visitor.fold(
      visitor.consent(true, ago(90)),
      visitor.traits({ tier: 'gold', zone: 'Europe/London' }, ago(80)),
      ...[60, 59, 58].map((minutes) => visitor.outcome('display', 'card', 'hero', ago(minutes))),
      // Midnight in Auckland is now.
      visitor.traits({ zone: 'Pacific/Auckland' }, ago(30)),
    )
    const profile = profileOf(visitor.fragment, playbook.features, [], noon, visitor.ground)
    const { decided } = decidedOf(profile, ['hero'])

    const again = rederive(readDecision(encoded(decided)), elsewhere, calendar)

    expect(decided.choices[0]?.reason).toBe('fallback')
    expect(again?.isSame).toBe(true)
  })

  it('says what was asked and shown, of whom, and when', () => {
    const { decided } = decidedOf(profileFrom(grantedAdult, true), ['hero', 'call'])

    const logged = readDecision(encoded(decided, 3))

    expect(logged).toMatchObject({
      decision: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
      at: noon,
      node: 'node-1',
      key,
      members: [
        { id: key, version: { sequence: 5, index: 2 } },
        { id: 'anon:x', version: { sequence: 0, index: 0 } },
      ],
      oneOf: 8,
      playbookVersion: 7,
      positions: [position],
      pending: 1,
      position,
      isFresh: true,
      choices: [
        {
          placement: 'hero',
          reason: 'rules',
          propositions: [{ offer: 'adult', treatment: 'banner', probability: 1 }],
        },
        {
          placement: 'call',
          reason: 'rules',
          propositions: [{ offer: 'plain', treatment: 'script', probability: 1 }],
        },
      ],
    })
  })

  it('holds no trait that its playbook cannot read', () => {
    const all = [{ of: 0, what: 5, choice: 0, minutesAgo: 5 }]
    const { decided } = decidedOf(profileFrom(all, true), ['hero'])

    expect(Buffer.from(encoded(decided)).includes('gold')).toBe(true)
    expect(Buffer.from(encoded(decided)).includes('secret')).toBe(false)
  })

  it('can be told later that fewer were logged', () => {
    const entry = encoded(decidedOf(nobody, ['hero']).decided)
    setHalvings(entry, 10)

    expect(headOf(entry)?.oneOf).toBe(1_024)
  })

  it('differs from what was shown where somebody tampered with it', () => {
    const { decided } = decidedOf(profileFrom(grantedAdult, true), ['hero'])
    const [choice] = decided.choices
    const forged = choice && { ...choice, propositions: [] }

    const logged = readDecision(encoded({ ...decided, choices: forged ? [forged] : [] }))

    expect(rederive(logged, playbook, calendar)?.isSame).toBe(false)
  })

  it('cannot be made again by another playbook', () => {
    const logged = readDecision(encoded(decidedOf(nobody, ['hero']).decided))
    const other: Playbook = compilePlaybook(text.replace('count("page", "1d") >= 2', 'late'))
    const without = compilePlaybook(text.replaceAll('hero', 'top'))

    expect(rederive(logged, other, calendar)).toBeUndefined()
    expect(rederive(logged, without, calendar)).toBeUndefined()
  })

  it('is logged without the profile where that is too large, and not at all for a crowd', () => {
    const { decided } = decidedOf(nobody, ['hero'])
    const value = 'x'.repeat(loggedBytesMax)
    const traits = new Map([['tier', { value, at: 0, id: '' }]])
    const crowd: Identifier[] = Array.from({ length: 5_000 }, (_, i) =>
      identifierOf('anon', `number-${i}`),
    )

    const large = readDecision(encoded({ ...decided, profile: { ...nobody, traits } }))

    expect(large.choices).toHaveLength(1)
    expect(rederive(large, playbook, calendar)).toBeUndefined()
    expect(encodeDecision({ ...decided, members: crowd }, 0)).toBeUndefined()
  })

  it('is nothing else', () => {
    const entry = encoded(decidedOf(nobody, ['hero']).decided)

    expect(headOf(new Uint8Array())).toBeUndefined()
    expect(headOf(entry.with(0, 2))).toBeUndefined()
    expect(headOf(entry.subarray(0, 20))).toBeUndefined()
    expect(() => readDecision(entry.subarray(0, entry.length - 1))).toThrow('a logged decision')
  })
})

const grantedAdult: readonly Happened[] = [
  { of: 0, what: 7, choice: 3, minutesAgo: 50 },
  { of: 0, what: 6, choice: 20, minutesAgo: 40 },
]

it('keeps when somebody consented, which is after or before they unsubscribed', () => {
  const person = new Person(playbook)
  const consented = (at: number) => ({ ...person.consent(true, at), purpose: 'card' })
  const shownTo = (...consents: readonly number[]) => {
    const one = new Person(playbook)
    one.fold(
      one.consent(true, noon - 99 * minuteMs),
      one.traits({ tier: 'gold' }, noon - 90 * minuteMs),
      one.outcome('unsubscribe', 'card', 'hero', noon - 60 * minuteMs),
      ...consents.map(consented),
    )
    const profile = profileOf(one.fragment, playbook.features, [], noon, one.ground)
    const { decided } = decidedOf(profile, ['hero'])
    const again = rederive(readDecision(encoded(decided)), elsewhere, calendar)
    expect(again?.isSame).toBe(true)
    return again?.choices.map(({ propositions }) => propositions.map(({ offer }) => offer))
  }

  expect(shownTo()).toEqual([['plain']])
  expect(shownTo(noon - 80 * minuteMs)).toEqual([['plain']])
  expect(shownTo(noon - 40 * minuteMs)).toEqual([['card']])
})
