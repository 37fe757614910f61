import { type Identifier, identifierOf, ulid } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { decide, type Profile } from '../../../src/core/decision/decide.ts'
import type { Playbook } from '../../../src/core/decision/playbook.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { changesIn } from '../../../src/core/learning/candidate-changes.ts'
import { estimateCandidate } from '../../../src/core/learning/candidate-estimate.ts'
import { CandidateReplay } from '../../../src/core/learning/candidate-replay.ts'
import { CandidateRows } from '../../../src/core/learning/candidate-rows.ts'
import type { JoinedOutcome } from '../../../src/core/learning/joined.ts'
import { drawsPerArm, type Model } from '../../../src/core/learning/model.ts'
import { halfWidthErrors, type Measured } from '../../../src/core/learning/off-policy.ts'
import type { ReplayTally } from '../../../src/core/learning/replay-tally.ts'
import { judge } from '../../../src/core/learning/verdict.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { Dice } from '../../simulation/dice.ts'
import { decidedBy, loggedEntry } from '../../support/decided.ts'

const calendar = new ZoneCalendar()
const start = Date.UTC(2026, 10, 20)
const hour = 3_600_000

interface Rules {
  readonly boots?: number
  readonly offers?: readonly string[]
  readonly top?: string
  /** Shown at a time. */
  readonly count?: number
}

/** Learns which is clicked; boots, coats and hats are worth the same but where it is said. */
function shop({
  boots = 1,
  offers = ['boots', 'coats', 'hats'],
  top = '',
  count = 1,
}: Rules = {}): Playbook {
  const lines = offers.map(
    (name) =>
      `  ${name}: { value: ${name === 'boots' ? boots : 1}, treatments: { banner: ${name} } }`,
  )
  return compilePlaybook(`playbook: shop
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: none, count: ${count}, learn: { on: click, within: 1h, explore: 10% } }
${top}
offers:
${lines.join('\n')}
`)
}

/** Whoever draws the n-th of its draws believes these rates. */
function modelOf(seed: number): Model {
  const dice = new Dice(seed)
  const known = new Map<string, Float32Array>()
  const drawsOf = ({ offer }: { readonly offer: string }) => {
    const rates =
      known.get(offer) ?? Float32Array.from({ length: drawsPerArm }, () => dice.between(0.1, 0.5))
    known.set(offer, rates)
    return { rates, mean: 0.3 }
  }
  return { version: 5, of: () => ({ drawsOf }) }
}

/** How often each is clicked. */
const tastes: { readonly [offer: string]: number } = { boots: 0.2, coats: 0.4, hats: 0.3 }

interface World {
  readonly live: Playbook
  readonly candidate: Playbook
  readonly people: number
  readonly seed?: number
  /** What decides of the people, by the way. */
  readonly model?: Model
}

/** Lets a playbook decide for people, and a candidate decide the same again. */
function replay({ live, candidate, people, seed = 1, model = modelOf(3) }: World): {
  readonly rows: CandidateRows
  readonly tally: ReplayTally
  readonly earned: number
} {
  const dice = new Dice(seed)
  const reward = { outcome: 'click', withinMs: hour } as const
  const replay = new CandidateReplay({ candidate, calendar, reward, placement: undefined })
  let earned = 0
  for (let i = 0; i < people; i++) {
    const at = start + i
    const key = identifierOf('anon', `v${i}`)
    const profile = profileOf(live, key)
    const decision = ulid(at, (bytes) => bytes.map(() => dice.below(256)))
    const placements = [...live.placements.values()]
    const request = { placements, now: at, exposures: [], seed: decision, model }
    const choices = decide(profile, request, live, calendar)
    const offer = choices[0]?.propositions[0]?.offer
    const isClicked = offer !== undefined && dice.chance(tastes[offer] ?? 0)
    if (isClicked) earned++
    const told = { placement: 'hero', offer: offer ?? '', outcome: 'click' } as const
    // A click that is late counts for nothing.
    const outcomes: JoinedOutcome[] = [{ ...told, at: at + (isClicked ? hour : 2 * hour) }]
    const made = { decision, key, request, playbook: live, playbookVersion: 3, profile, choices }
    const logged = CandidateReplay.read(loggedEntry(decidedBy(made)))
    const decider = { playbook: live, unchanged: new Set<string>() }
    replay.add(logged, offer === undefined ? [] : outcomes, decider)
  }
  const { tally, rows } = replay.take()
  const hero = new CandidateRows('hero')
  for (const part of rows) hero.addParts(part)
  return { rows: hero, tally, earned: earned / people }
}

function profileOf({ features }: Playbook, id: Identifier): Profile {
  const eldest = { id, bornAt: start }
  return { traits: null, consents: null, features: new FeatureState(features), eldest }
}

describe('a candidate that decides again what was decided', () => {
  it('and is the same playbook shows the same, down to the last draw of chance', () => {
    const { rows, tally, earned } = replay({ live: shop(), candidate: shop(), people: 1_500 })

    expect(changesIn(rows).agreement).toBe(1)
    expect(tally).toMatchObject({ decisions: 1_500, whole: 1_500, models: { 5: 1_500 } })
    const found = estimateCandidate(rows)
    expect(found.logged.value).toBeCloseTo(earned, 12)
    // The model is seen draw by draw, so in the beginning it is known in part.
    expect(Math.abs(found.gain.value)).toBeLessThan(0.03)
    expect(found.ess).toBeGreaterThan(1_000)
  })

  it('and is the same playbook shows the same from the first decision on', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { rows } = replay({ live: shop(), candidate: shop(), people: 1, model: modelOf(seed) })

      expect(changesIn(rows).agreement).toBe(1)
    }
  })

  it('shows the same in all slots of an answer, where it is the same playbook', () => {
    const live = shop({ count: 2 })

    const { rows } = replay({ live, candidate: shop({ count: 2 }), people: 500 })
    const fewer = replay({ live, candidate: shop(), people: 500 })

    expect(rows.otherBefore.length).toBe(500)
    expect(changesIn(rows)).toMatchObject({ agreement: 1, reachBefore: 1, reachAfter: 1 })
    // Whoever sees one of the two offers loses the other.
    const changes = changesIn(fewer.rows)
    expect(changes.agreement).toBe(0)
    expect(changes.offers.reduce((sum, { decisions }) => sum + decisions.lost, 0)).toBe(500)
    expect(changes.offers.every(({ decisions }) => decisions.gained === 0)).toBe(true)
  })

  it('has what it would have earned in its interval in at least 90 of 100 worlds', () => {
    const model = modelOf(8)
    const live = shop()
    const candidate = shop({ boots: 2 })
    // What the candidate earns, by letting it decide.
    const truth = trueValue(candidate, model)
    const hits = { snips: 0, ips: 0, dr: 0 }
    for (let seed = 1; seed <= 100; seed++) {
      const { rows } = replay({ live, candidate, people: 400, seed, model })
      const found = estimateCandidate(rows)
      if (holds(found.snips, truth)) hits.snips++
      if (holds(found.ips, truth)) hits.ips++
      if (holds(found.dr, truth)) hits.dr++
    }

    for (const count of Object.values(hits)) expect(count).toBeGreaterThanOrEqual(90)
  })

  it('with an offer that was never there shows it, and nothing is known of that', () => {
    const offers = ['boots', 'coats', 'hats', 'scarves']
    const { rows, tally } = replay({ live: shop(), candidate: shop({ offers }), people: 1_000 })

    const found = estimateCandidate(rows)
    const changed = changesIn(rows).offers.find(({ offer }) => offer === 'scarves')

    expect(tally).toMatchObject({ whole: 1_000, partial: 0, missing: [] })
    expect(changed?.decisions.gained).toBeGreaterThan(50)
    expect(found.unsupported).toBeGreaterThan(0.05)
    expect(judge(found, 0)).toMatchObject({ kind: 'refused', reasons: ['unsupported'] })
  })

  it('leaves out whom an experiment held out, and says of how many', () => {
    const top = `experiments:
  hero-order:
    at: [hero]
    arms: { ours: 70%, none: { share: 30%, shows: fallback } }
    measure: { on: click, within: 1h }`
    const { rows, tally } = replay({ live: shop({ top }), candidate: shop(), people: 1_000 })

    const held = tally.dropped['held out by an experiment'] ?? 0
    expect(held).toBeGreaterThan(250)
    expect(held).toBeLessThan(350)
    expect(rows.count).toBe(1_000 - held)
    expect(changesIn(rows)).toMatchObject({ agreement: 1, reachBefore: 1, reachAfter: 1 })
  })

  it('says what it cannot read', () => {
    const reward = { outcome: 'click', withinMs: hour } as const
    const candidate = shop()
    const replay = new CandidateReplay({ candidate, calendar, reward, placement: undefined })

    replay.add(CandidateReplay.read(Uint8Array.of(9, 9, 9)), [], undefined)

    expect(replay.take()).toMatchObject({
      tally: { decisions: 1, dropped: { unreadable: 1 } },
      rows: [],
    })
    expect(replay.take().tally.decisions).toBe(0)
  })
})

function trueValue(playbook: Playbook, model: Model): number {
  const placements = [...playbook.placements.values()]
  const times = 20_000
  let sum = 0
  for (let i = 0; i < times; i++) {
    const profile = profileOf(playbook, identifierOf('anon', `w${i}`))
    const request = { placements, now: start, exposures: [], seed: `w${i}`, model }
    const [choice] = decide(profile, request, playbook, calendar)
    sum += tastes[choice?.propositions[0]?.offer ?? ''] ?? 0
  }
  return sum / times
}

function holds({ value, standardError }: Measured, truth: number): boolean {
  return Math.abs(value - truth) <= halfWidthErrors * standardError
}
