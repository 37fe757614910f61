import { identifierOf, ulid } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pastPlaybook } from '../../../src/cli/backtest/past-playbook.ts'
import { decide } from '../../../src/core/decision/decide.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { changesIn } from '../../../src/core/learning/candidate-changes.ts'
import { estimateCandidate, weightAt } from '../../../src/core/learning/candidate-estimate.ts'
import { CandidateReplay } from '../../../src/core/learning/candidate-replay.ts'
import { CandidateRows } from '../../../src/core/learning/candidate-rows.ts'
import { differsInNothing, judgeCandidate } from '../../../src/core/learning/candidate-verdict.ts'
import { drawsPerArm, type Model } from '../../../src/core/learning/model.ts'
import { readPlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { Dice } from '../../simulation/dice.ts'
import { decidedBy, loggedEntry } from '../../support/decided.ts'

const calendar = new ZoneCalendar()
const start = Date.UTC(2026, 10, 20)
const hour = 3_600_000

const offerNames = ['boots', 'coats', 'hats', 'scarves'] as const
const arms = ['rules', 'random', 'unlearned', 'fallback'] as const

interface Shop {
  readonly explore: number
  readonly by: boolean
  readonly count: number
  readonly values: readonly number[]
  readonly share: number
  readonly shows: (typeof arms)[number]
  readonly limit: number
  readonly sideExplore: number
}

const shops: fc.Arbitrary<Shop> = fc.record({
  explore: fc.integer({ min: 1, max: 50 }),
  by: fc.boolean(),
  count: fc.integer({ min: 1, max: 3 }),
  values: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 4 }),
  share: fc.integer({ min: 5, max: 95 }),
  shows: fc.constantFrom(...arms),
  limit: fc.integer({ min: 1, max: 3 }),
  sideExplore: fc.integer({ min: 1, max: 50 }),
})

/** Two placements that learn, one of them with an experiment. */
function textOf({ explore, by, count, values, share, shows, limit, sideExplore }: Shop): string {
  const offers = values.map(
    (value, i) =>
      `  ${offerNames[i]}: { value: ${value}, limits: [{ on: display, max: ${limit}, per: 1d }], treatments: { banner: ${offerNames[i]} } }`,
  )
  const bucket = by ? 'by: [traits.tier], ' : ''
  return `playbook: shop
consent: { personalise: assumed }
traits: { tier: { type: string } }
placements:
  hero: { channel: web, format: banner, fallback: none, count: ${count}, learn: { on: click, within: 1h, ${bucket}explore: ${explore}% } }
  side: { channel: web, format: note, fallback: none, learn: { on: click, within: 1h, explore: ${sideExplore}% } }
offers:
${offers.join('\n')}
  mug: { treatments: { note: Mug } }
  cap: { treatments: { note: Cap } }
experiments:
  order: { at: [hero], arms: { ours: ${100 - share}%, other: { share: ${share}%, shows: ${shows} } }, measure: { on: click, within: 1h } }
`
}

/** A model that changes all the time, as one does that is young. */
function youngModel(dice: Dice, version: number): Model {
  const known = new Map<string, Float32Array>()
  const drawsOf = ({ offer }: { readonly offer: string }, bucket: string) => {
    const name = `${offer} ${bucket}`
    const rates =
      known.get(name) ?? Float32Array.from({ length: drawsPerArm }, () => dice.between(0.01, 0.9))
    known.set(name, rates)
    return { rates, mean: 0.3 }
  }
  return { version, of: () => ({ drawsOf }) }
}

/** Lets a playbook decide, with another model every few people, and a candidate decide again. */
function rowsOf(
  live: string,
  candidate: string,
  { people, seed }: { readonly people: number; readonly seed: number },
): ReadonlyMap<string, CandidateRows> {
  const dice = new Dice(seed)
  const { playbook } = readPlaybook(live)
  const read = readPlaybook(candidate)
  const decider = pastPlaybook(live, read.source)
  const reward = { outcome: 'click', withinMs: hour } as const
  const replay = new CandidateReplay({
    candidate: read.playbook,
    calendar,
    reward,
    placement: undefined,
  })
  const placements = [...playbook.placements.values()]
  let model = youngModel(dice, 1)
  for (let i = 0; i < people; i++) {
    const at = start + i
    if (dice.chance(0.1)) model = youngModel(dice, i + 2)
    const key = identifierOf('anon', `v${i}`)
    const tier = { value: dice.pick(['gold', 'tin']), at: start, id: 'r' }
    const profile = {
      traits: new Map([['tier', tier]]),
      consents: null,
      features: new FeatureState(playbook.features),
      eldest: { id: key, bornAt: start },
    }
    const decision = ulid(at, (bytes) => bytes.map(() => dice.below(256)))
    const request = { placements, now: at, exposures: [], seed: decision, model }
    const choices = decide(profile, request, playbook, calendar)
    const outcomes = choices.flatMap(({ placement, propositions: [first] }) =>
      first?.offer !== undefined && dice.chance(0.3)
        ? [{ placement: placement.name, offer: first.offer, outcome: 'click', at } as const]
        : [],
    )
    const made = { decision, key, request, playbook, playbookVersion: 3, profile, choices }
    replay.add(CandidateReplay.read(loggedEntry(decidedBy(made))), outcomes, decider)
  }
  const found = new Map<string, CandidateRows>()
  for (const part of replay.take().rows) {
    const rows = new CandidateRows(part.placement)
    rows.addParts(part)
    found.set(part.placement, rows)
  }
  return found
}

function expectNoDifference(rows: CandidateRows): void {
  for (let i = 0; i < rows.count; i++) expect(weightAt(rows, i)).toBe(1)
  const changes = changesIn(rows)
  const { agreement, offers } = changes
  expect(agreement).toBe(1)
  for (const { decisions, people } of offers)
    for (const tally of [decisions, people]) expect(tally).toMatchObject({ gained: 0, lost: 0 })
  const estimate = estimateCandidate(rows)
  const { gain, logged, snips, ips, dr, maxWeight, unsupported } = estimate
  expect(gain).toEqual({ value: 0, standardError: 0 })
  expect([snips.value, ips.value]).toEqual([logged.value, logged.value])
  expect(dr.value).toBeCloseTo(logged.value, 12)
  expect(dr.standardError).toBeCloseTo(logged.standardError, 12)
  expect({ maxWeight, unsupported }).toEqual({ maxWeight: 1, unsupported: 0 })
  expect(differsInNothing(changes, estimate)).toBe(true)
  // However few these are, and whatever they earned.
  expect(judgeCandidate(changes, estimate, 0)).toEqual({ kind: 'undecided' })
  expect(judgeCandidate(changes, estimate, 60)).toMatchObject({ reasons: ['faulty'] })
}

const seeds = fc.integer({ min: 1, max: 1e6 })

describe('a backtest of the very playbook that decided', () => {
  it('differs in no decision and earns what the log earned, whatever was learnt meanwhile', () => {
    fc.assert(
      fc.property(shops, seeds, (shop, seed) => {
        const live = textOf(shop)

        const rows = rowsOf(live, live, { people: 60, seed })

        expect(rows.get('side')?.count).toBe(60)
        for (const one of rows.values()) expectNoDifference(one)
      }),
      { numRuns: 40 },
    )
  })

  it('but for some placements differs in no decision at the others', () => {
    fc.assert(
      fc.property(shops, shops, seeds, (shop, other, seed) => {
        const live = textOf(shop)
        const { sideExplore } = shop

        const rows = rowsOf(live, textOf({ ...other, sideExplore }), { people: 60, seed })

        const side = rows.get('side')
        expect(side?.count).toBe(60)
        if (side) expectNoDifference(side)
      }),
      { numRuns: 40 },
    )
  })

  it('with a candidate that shows something else there weighs what was shown', () => {
    const shop: Shop = {
      explore: 10,
      by: false,
      count: 1,
      values: [1, 1, 1],
      share: 50,
      shows: 'random',
      limit: 3,
      sideExplore: 10,
    }
    const other = textOf({ ...shop, explore: 50 })

    const rows = rowsOf(textOf(shop), other, { people: 300, seed: 5 })

    const hero = rows.get('hero')
    if (hero === undefined) throw new TypeError('rows of the placement that differs')
    const weights = Array.from({ length: hero.count }, (_, i) => weightAt(hero, i))
    expect(new Set(weights).size).toBeGreaterThan(10)
    expect(differsInNothing(changesIn(hero), estimateCandidate(hero))).toBe(false)
  })
})
