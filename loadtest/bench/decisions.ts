import { type EventRecord, identifierOf, type OutcomeRecord } from '@halfsecond/protocol'
import type { Profile } from '../../node/src/core/decision/decide.ts'
import { decide } from '../../node/src/core/decision/decide.ts'
import type { Playbook } from '../../node/src/core/decision/playbook.ts'
import { FeatureState } from '../../node/src/core/features/feature-state.ts'
import { compilePlaybook } from '../../node/src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../node/src/system/zone-calendar.ts'
import type { Figures } from '../lib/figures.ts'
import type { Run } from './run.ts'

const names = ['decision-cpu-200', 'decisions-per-second']

/** Median microseconds of processor time for 200 candidates; the half second of a click has room for it. */
const cpuMaxMicros = 200

export const sizes = [10, 50, 200]
const groups = 10
const minuteMs = 60_000
export const now = Date.UTC(2025, 5, 18, 12)
const calendar = new ZoneCalendar()
const key = identifierOf('crm', '991')

/** What a decision costs by the number of offers that may be shown, in this process and on one core. */
export async function decisions({ figures }: Run): Promise<void> {
  await figures.take(names, async () => {
    for (const offers of sizes) for (const one of scenarios) measure(offers, one, figures)
  })
}

interface Scenario {
  readonly scenario: string
  /** What is written at the top of the playbook. */
  readonly top: object
  /** Whether its last limit keeps each offer out but the last one. */
  readonly isLast: boolean
}

/** In each of them all rules and limits of all offers have to be looked at. */
const scenarios: readonly Scenario[] = [
  {
    scenario: 'the last offer that is looked at is the first that may be shown',
    top: {},
    isLast: true,
  },
  {
    scenario: 'the same with five contexts',
    top: {
      context: Array.from({ length: 5 }, (_, i) => ({
        when: `count("product_viewed", "${i + 1}h") >= 2`,
        group: `group-${i}`,
        times: 0.9,
      })),
    },
    isLast: true,
  },
  {
    scenario: 'all may be shown, and a formula ranks them',
    top: { rank: 'propensity * context * value * weight + (traits.tier == "gold" ? 1.0 : 0.0)' },
    isLast: false,
  },
]

function measure(offers: number, { scenario, top, isLast }: Scenario, figures: Figures): void {
  const playbook = playbookOf(offers, top, isLast)
  const profile = visitorOf(playbook)
  const request = { placements: [...playbook.placements.values()], now, exposures: [] }
  const [choice] = decide(profile, request, playbook, calendar)
  const expected = `offer-${isLast ? offers - 1 : 0}`
  if (choice?.propositions[0]?.offer !== expected) throw new Error(`${expected} is not shown`)
  const micros = median(() => decide(profile, request, playbook, calendar))
  const details = { scenario: `${offers} offers: ${scenario}`, rulesEach: 3, limitsEach: 2 }
  if (offers === 200)
    figures.add({
      figure: 'decision-cpu-200',
      value: micros,
      unit: 'µs',
      atMost: cpuMaxMicros,
      with: details,
    })
  figures.add({ figure: 'decisions-per-second', value: 1e6 / micros, unit: '1/s', with: details })
}

export function playbookOf(count: number, top: object, isLast: boolean): Playbook {
  const offers = Array.from({ length: count }, (_, i) => [
    `offer-${i}`,
    {
      group: `group-${i % groups}`,
      value: count - i,
      when: `count("product_viewed", "${1 + (i % 28)}d") >= 3 && traits.tier in ["gold", "platinum"]`,
      never: `traits.storeCard || recent("product_viewed", "${1 + (i % 12)}h").exists(v, v.sku == "s${i % 25}")`,
      limits: [
        { on: 'display', max: 4, per: 'day' },
        { on: 'display', max: isLast && i < count - 1 ? 2 : 3, per: '7d' },
      ],
      treatments: { banner: { title: `Offer ${i}`, link: `/offer/${i}` } },
    },
  ])
  const named = Array.from({ length: groups }, (_, i) => [
    `group-${i}`,
    { never: 'count("complaint", "30d") > count("complaint_solved", "30d")' },
  ])
  return compilePlaybook(
    JSON.stringify({
      playbook: 'decisions',
      consent: { personalise: 'assumed' },
      events: { product_viewed: { sku: 'string' }, complaint: {}, complaint_solved: {} },
      traits: { tier: { type: 'string' }, storeCard: { type: 'bool' } },
      placements: { hero: { channel: 'web', format: 'banner', fallback: {} } },
      groups: Object.fromEntries(named),
      offers: Object.fromEntries(offers),
      ...top,
    }),
  )
}

/** Somebody who looked at much, complained once, and saw each offer twice. */
export function visitorOf(playbook: Playbook): Profile {
  const features = new FeatureState(playbook.features)
  let told = 0
  const common = (at: number) => ({ id: `r${++told}`, key, at })
  const event = (name: string, properties: EventRecord['properties'], at: number) =>
    features.update(at, { kind: 'event', ...common(at), name, properties })
  event('complaint', {}, now - 9_000 * minuteMs)
  event('complaint_solved', {}, now - 8_000 * minuteMs)
  for (let i = 300; i > 0; i--)
    event('product_viewed', { sku: `t${i % 40}` }, now - i * 7 * minuteMs)
  for (const [placement, { candidates }] of playbook.placements)
    for (const { offer, treatment } of candidates)
      for (const ago of [5_000, 3_000]) {
        const at = now - ago * minuteMs
        const display: OutcomeRecord = {
          kind: 'outcome',
          ...common(at),
          decision: `d${told}`,
          placement,
          offer: offer.name,
          treatment,
          outcome: 'display',
        }
        features.update(at, display)
      }
  const register = (value: string | boolean) => ({ value, at: now - minuteMs, id: 'r' })
  const traits = new Map([
    ['tier', register('gold')],
    ['storeCard', register(false)],
    ['zone', register('Europe/London')],
  ])
  return { traits, consents: null, features, eldest: null }
}

/** Processor time of one call. */
export function median(call: () => unknown): number {
  const calls = 100
  const rounds = Array.from({ length: 60 }, () => {
    const before = process.cpuUsage()
    for (let i = 0; i < calls; i++) call()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / calls
  })
  return rounds.toSorted((a, b) => a - b)[rounds.length / 2] ?? 0
}
