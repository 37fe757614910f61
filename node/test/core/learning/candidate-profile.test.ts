import {
  decode,
  type EventRecord,
  encode,
  type Identifier,
  identifierOf,
} from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide, type Profile } from '../../../src/core/decision/decide.ts'
import { storedProfile } from '../../../src/core/decision/logged-profile.ts'
import type { Playbook } from '../../../src/core/decision/playbook.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { type Entry, headerBytes, inOrder } from '../../../src/core/fragment/entry.ts'
import { stateOf } from '../../../src/core/fragment/timeline.ts'
import { ProfileMapping } from '../../../src/core/learning/candidate-profile.ts'
import { entriesOf, type PastTimeline, pastIn } from '../../../src/core/learning/past-timeline.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { start } from '../../support/records.ts'

const calendar = new ZoneCalendar()
const hour = 3_600_000
const now = start + 40 * hour
const offers = ['boots', 'coats', 'hats']

/** Each offer by itself at a placement, where a rule shows it. */
function playbookOf(
  rules: readonly string[],
  limit = '',
  traits = 'traits: { tier: { type: string } }',
): Playbook {
  return compilePlaybook(`playbook: shop
consent: { personalise: assumed }
events: { page: { path: string, seconds: int }, bought: {} }
${traits}
placements:
${offers.map((name) => `  ${name}: { channel: web, format: ${name}, fallback: {} }`).join('\n')}
offers:
${offers
  .map((name, i) => `  ${name}: { when: '${rules[i]}', ${limit} treatments: { ${name}: {} } }`)
  .join('\n')}
`)
}

const live = playbookOf(['count("page", "1d") > 1', 'session.events > 1', 'true'], '', '')

const rule = fc.constantFrom(
  'count("page", "1d") > 1',
  'count("page", "7d") > 3',
  'count("bought", "2d") > 0',
  'affinity("page", "path", "/a", "1d") > 1',
  'sum("page", "seconds", "1d") > 20',
  'distinct("page", "path", "2d") > 1',
  'session.events > 2',
  'stage("1d", "2d") == "active"',
  'traits.tier == "gold"',
)
const limit = fc.constantFrom(
  '',
  'limits: [{ on: display, max: 2, per: 1d }],',
  'limits: [{ on: display, max: 1, per: 2d }, { on: accept, max: 1, per: 7d }],',
)

const event = fc
  .record({
    at: fc.integer({ min: start, max: start + 60 * hour }),
    id: fc.uuid(),
    name: fc.constantFrom('page', 'bought'),
    path: fc.constantFrom('/a', '/b'),
    seconds: fc.integer({ min: 0, max: 20 }),
  })
  .map(({ at, id, name, path, seconds }): Entry => {
    const properties = name === 'page' ? { path, seconds } : {}
    return { at, record: { kind: 'event', id, key, at, name, properties } satisfies EventRecord }
  })
const outcome = fc
  .record({
    at: fc.integer({ min: start, max: start + 60 * hour }),
    id: fc.uuid(),
    offer: fc.constantFrom(...offers),
    outcome: fc.constantFrom('display', 'click', 'accept'),
    decision: fc.constantFrom('a', 'b', 'c', 'd'),
  })
  .map(({ offer, ...said }): Entry => {
    const record = {
      kind: 'outcome',
      key,
      placement: offer,
      offer,
      treatment: offer,
      ...said,
    } as const
    return { at: said.at, record }
  })
const timelines = fc.array(fc.array(fc.oneof(event, outcome), { maxLength: 12 }), {
  minLength: 1,
  maxLength: 3,
})

const key: Identifier = identifierOf('anon', 'v1')

/** What of a timeline was there at the time of the decision. */
function until(timeline: readonly Entry[]): Entry[] {
  return timeline.filter(({ at }) => at <= now).sort(inOrder)
}

function profileOf(playbook: Playbook, all: readonly (readonly Entry[])[], tier?: string): Profile {
  const set = playbook.features
  const parts = all.map((timeline) => stateOf(set, until(timeline)))
  const [first] = parts
  const features =
    first !== undefined && parts.length === 1 ? first : FeatureState.merged(set, parts, true)
  const traits = tier === undefined ? null : new Map([['tier', { value: tier, at: start, id: '' }]])
  return { traits, consents: null, features, eldest: { id: key, bornAt: start } }
}

/** As a home would tell it. */
function pastOf(timeline: readonly Entry[], rest: Partial<PastTimeline> = {}): PastTimeline {
  return { entries: bytesOf(until(timeline)), floor: null, traits: [], overwritten: [], ...rest }
}

function bytesOf(entries: readonly Entry[]): Uint8Array {
  return Buffer.concat(
    entries.map(({ at, record }) => {
      const bytes = encode(record)
      const header = Buffer.alloc(headerBytes)
      header.writeUInt32LE(headerBytes + bytes.length, 0)
      header.writeDoubleLE(at, 8)
      return Buffer.concat([header, bytes])
    }),
  )
}

/** What a profile was logged as, read again. */
function logged(profile: Profile): unknown[] {
  const limits = { frameBytes: 64 * 1024, depth: 32, elementsPerItem: 10_000 }
  const stored = decode(encode(storedProfile(profile, live)), limits)
  if (Array.isArray(stored)) return stored
  throw new TypeError('a list')
}

function shown(profile: Profile, playbook: Playbook): (string | undefined)[] {
  const placements = [...playbook.placements.values()]
  const request = { placements, now, exposures: [], seed: 'decision' }
  return decide(profile, request, playbook, calendar).map(
    ({ propositions }) => propositions[0]?.offer,
  )
}

describe('a profile that was logged for another playbook', () => {
  it('decides with timelines as if it had been logged for this one', () => {
    fc.assert(
      fc.property(
        timelines,
        fc.array(rule, { minLength: 3, maxLength: 3 }),
        limit,
        fc.constantFrom(undefined, 'gold', 'silver'),
        (all, rules, limits, tier) => {
          const candidate = playbookOf(rules, limits)
          const traits = tier === undefined ? [] : [{ name: 'tier', value: tier, at: start }]
          const pasts = all.map((timeline) => pastOf(timeline, { traits }))

          const mapped = new ProfileMapping(live, candidate).of(logged(profileOf(live, all)), pasts)

          expect(mapped?.isWhole).toBe(true)
          expect(mapped && shown(mapped.profile, candidate)).toEqual(
            shown(profileOf(candidate, all, tier), candidate),
          )
        },
      ),
      { numRuns: 500 },
    )
  })

  it('is known in part where a timeline is cut, gone, or a trait was written since', () => {
    const timeline: Entry[] = [10, 20].map((hours) => ({
      at: start + hours * hour,
      record: { kind: 'event', id: `b${hours}`, key, at: 0, name: 'bought', properties: {} },
    }))
    const stored = logged(profileOf(live, [timeline]))
    const often = playbookOf(['count("bought", "30d") > 2', 'count("bought", "1d") > 0', 'true'])
    const mapping = new ProfileMapping(live, often)
    const knownOf = (past: PastTimeline | undefined) => mapping.of(stored, [past])

    const cut = knownOf(pastOf(timeline, { floor: start + 5 * hour }))
    expect(cut?.isWhole).toBe(false)
    // Whether there were more than two is not known; that there was one in the last day is.
    expect(cut && shown(cut.profile, often)).toEqual([undefined, 'coats', 'hats'])
    const gone = knownOf(undefined)
    expect(gone?.isWhole).toBe(false)
    expect(gone && shown(gone.profile, often)).toEqual([undefined, undefined, 'hats'])

    const gold = playbookOf(['traits.tier == "gold"', 'true', 'true'])
    const past = pastOf(timeline, { overwritten: ['tier'] })
    const since = new ProfileMapping(live, gold).of(stored, [past])
    expect(since?.isWhole).toBe(false)
    expect(since && shown(since.profile, gold)).toEqual([undefined, 'coats', 'hats'])
  })

  it('refuses what is no timeline', () => {
    const whole = bytesOf([{ at: 1, record: { kind: 'logout', id: 'l', key, at: 1 } }])
    for (const entries of [whole.subarray(0, 20), new Uint8Array(40), whole.subarray(1)])
      expect(() => entriesOf(pastOf([], { entries }))).toThrow(/no timeline/)
    for (const stored of [null, [], [whole, null, ['tier', 'gold'], []], [whole, 'x', [], []]])
      expect(() => pastIn(stored)).toThrow(/no timeline/)
  })
})
