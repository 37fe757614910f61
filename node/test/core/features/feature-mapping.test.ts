import { identifierOf, type OutcomeRecord } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Playbook } from '../../../src/core/decision/playbook.ts'
import { FeatureMapping } from '../../../src/core/features/feature-mapping.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import type { TimelineRecord } from '../../../src/core/fragment/entry.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'

const key = identifierOf('crm', '991')
const day = 24 * 3_600_000
const now = 400 * day

interface Rules {
  readonly boots?: string
  readonly max?: number
  readonly groups?: readonly (string | undefined)[]
  readonly pause?: object
}

/** Boots, coats and hats, of which some are in a group. */
function playbookOf({ boots, max = 3, groups = ['warm', 'warm'], pause }: Rules): Playbook {
  const offers = ['boots', 'coats', 'hats', 'gloves'].slice(0, Math.max(3, groups.length))
  const limits = [{ on: 'display', max, per: '30d', across: 'group' }, ...(pause ? [pause] : [])]
  return compilePlaybook(
    JSON.stringify({
      playbook: 'shop',
      consent: { personalise: 'assumed' },
      events: { page: { path: 'string', seconds: 'int' }, bought: {} },
      placements: { hero: { channel: 'web', format: 'banner', fallback: {} } },
      groups: { warm: {} },
      offers: Object.fromEntries(
        offers.map((name, i) => [
          name,
          {
            ...(groups[i] && { group: groups[i], limits }),
            ...(name === 'boots' && boots && { when: boots }),
            treatments: { banner: {} },
          },
        ]),
      ),
    }),
  )
}

function mappingOf(from: Playbook, to: Playbook): FeatureMapping {
  const offers = new Set(from.placements.get('hero')?.candidates.map(({ offer }) => offer.name))
  return new FeatureMapping(from.features, to.features, (name) => offers.has(name))
}

function stateOf({ features }: Playbook, records: readonly TimelineRecord[]): FeatureState {
  const state = new FeatureState(features)
  for (const record of records) state.update(record.at, record)
  return state
}

const event: fc.Arbitrary<TimelineRecord> = fc.record({
  kind: fc.constant('event' as const),
  id: fc.uuid(),
  key: fc.constant(key),
  at: fc.integer({ min: now - 60 * day, max: now }),
  name: fc.constantFrom('page', 'bought'),
  properties: fc.record({ path: fc.constantFrom('/a', '/b'), seconds: fc.nat(9) }),
})

const display: fc.Arbitrary<OutcomeRecord> = fc.record({
  kind: fc.constant('outcome' as const),
  id: fc.uuid(),
  key: fc.constant(key),
  at: fc.integer({ min: now - 60 * day, max: now }),
  decision: fc.uuid(),
  placement: fc.constant('hero'),
  offer: fc.constantFrom('boots', 'coats', 'hats'),
  treatment: fc.constant('banner'),
  outcome: fc.constantFrom('display' as const, 'accept' as const),
})

const history = fc
  .array(fc.oneof(event, display), { maxLength: 12 })
  .map((all) => all.toSorted((a, b) => a.at - b.at))

const before = playbookOf({
  boots: 'count("page", "30d") >= 20 && sum("page", "seconds", "7d") > 9',
})

describe('features that were stored for another playbook', () => {
  it('are what they would have been, where both look at the same and rings had room', () => {
    const after = playbookOf({
      boots: 'count("page", "9d") >= 2 && sum("page", "seconds", "2d") > 1',
      max: 2,
      groups: ['warm', 'warm', undefined, 'warm'],
    })
    const mapping = mappingOf(before, after)
    expect(mapping.missing).toEqual([])
    fc.assert(
      fc.property(history, fc.nat(60), (records, days) => {
        const mapped = mapping.of(stateOf(before, records).storedWhole())

        expect(mapped?.isWhole).toBe(true)
        const native = stateOf(after, records)
        const since = now - days * day
        after.features.features.forEach(({ kind }, index) => {
          expect(mapped?.features.count(index, since)).toBe(native.count(index, since))
          expect(mapped?.features.last(index)).toBe(native.last(index))
          if (kind === 'sketch')
            expect(mapped?.features.sketch(index)?.stored(99)).toEqual(
              native.sketch(index)?.stored(99),
            )
        })
      }),
    )
  })

  it('are unknown where nobody looked at them, also for whoever did nothing', () => {
    const after = playbookOf({ boots: 'count("bought", "30d") >= 1 && count("page", "30d") > 1' })
    const mapping = mappingOf(before, after)
    const [bought = -1] = after.features.features.flatMap((one, index) =>
      one.text === 'event bought' ? [index] : [],
    )

    expect(mapping.missing).toEqual(['event bought'])
    fc.assert(
      fc.property(history, (records) => {
        const mapped = mapping.of(stateOf(before, records).storedWhole())

        expect(mapped?.features.count(bought, 0)).toBeUndefined()
        expect(mapped?.features.some(bought, now - day)).toBeUndefined()
      }),
    )
  })

  it('of several fragments are merged as they were', () => {
    const after = playbookOf({ boots: 'count("page", "9d") >= 2' })
    const mapping = mappingOf(before, after)
    fc.assert(
      fc.property(history, history, (one, other) => {
        const parts = [one, other].map((records) => stateOf(before, records))
        const merged = FeatureState.merged(before.features, parts, true)

        const mapped = mapping.of(merged.storedWhole())

        const native = stateOf(
          after,
          [...one, ...other].toSorted((a, b) => a.at - b.at),
        )
        after.features.features.forEach((_, index) => {
          expect(mapped?.features.count(index, now - 20 * day)).toBe(
            native.count(index, now - 20 * day),
          )
        })
      }),
    )
  })

  it('say how far back they go, where the ring was full and more is wanted', () => {
    const after = playbookOf({ boots: 'count("page", "90d") >= 30' })
    const pages = Array.from(
      { length: 25 },
      (_, i): TimelineRecord => ({
        kind: 'event',
        id: `e${i}`,
        key,
        at: now - (25 - i) * day,
        name: 'page',
        properties: { path: '/a', seconds: 1 },
      }),
    )
    const [page = -1] = after.features.features.flatMap((one, index) =>
      one.text === 'event page' ? [index] : [],
    )

    const mapped = mappingOf(before, after).of(stateOf(before, pages).storedWhole())

    expect(mapped?.isWhole).toBe(false)
    expect(mapped?.features.count(page, now - 10 * day)).toBe(9)
    expect(mapped?.features.count(page, now - 30 * day)).toBeUndefined()
  })

  it('of a group that an offer left are known for those who saw none of it, and of one that an offer joined for nobody', () => {
    const left = playbookOf({ groups: ['warm', undefined] })
    const joined = playbookOf({ groups: ['warm', 'warm', 'warm'] })
    const old = playbookOf({})
    const seen = stateOf(
      old,
      fc.sample(
        display.filter(({ offer }) => offer === 'boots'),
        1,
      ),
    )
    const unseen = stateOf(old, [])

    expect(mappingOf(old, left).of(unseen.storedWhole())).toMatchObject({ isWhole: true })
    expect(mappingOf(old, left).of(seen.storedWhole())).toMatchObject({ isWhole: false })
    expect(mappingOf(old, left).missing).toEqual([])
    expect(mappingOf(old, joined).missing).toContain('outcome first shown group warm')
  })

  it('know when a pause began that only the other playbook has', () => {
    const pause = { on: 'display', max: 2, per: '30d', across: 'group', pause: '40d' }
    const old = playbookOf({ max: 12 })
    const after = playbookOf({ max: 12, pause })
    const mapping = mappingOf(old, after)
    const [paused = -1] = after.features.features.flatMap((one, index) =>
      one.text.includes(' reaching 2 ') ? [index] : [],
    )
    expect(paused).toBeGreaterThanOrEqual(0)
    expect(mapping.missing).toEqual([])
    fc.assert(
      fc.property(history, (records) => {
        const mapped = mapping.of(stateOf(old, records).storedWhole())

        expect(mapped?.features.lastReached(paused)).toBe(
          stateOf(after, records).lastReached(paused),
        )
      }),
    )
  })

  it('are not read from what is no stored state', () => {
    const mapping = mappingOf(before, playbookOf({}))

    for (const stored of [undefined, 7, [], [[7], [], []], [true, 7], [true, [7]]])
      expect(mapping.of(stored)).toBeUndefined()
  })
})
