import { type EventRecord, encode, identifierOf, type OutcomeRecord } from '@halfsecond/protocol'
import type { Profile } from '../../node/src/core/decision/decide.ts'
import { decide } from '../../node/src/core/decision/decide.ts'
import type { Playbook } from '../../node/src/core/decision/playbook.ts'
import { FeatureState } from '../../node/src/core/features/feature-state.ts'
import { compilePlaybook } from '../../node/src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../node/src/system/zone-calendar.ts'
import type { Run } from './run.ts'

const names = ['decision-cpu-200', 'decisions-per-second']

/** Median microseconds of processor time for 200 candidates; the half second of a click has room for it. */
const cpuMaxMicros = 200

const sizes = [10, 50, 200]
const groups = 10
const minuteMs = 60_000
const now = Date.UTC(2025, 5, 18, 12)
const calendar = new ZoneCalendar()
const key = identifierOf('crm', '991')

/** What a decision costs by the number of offers that may be shown, in this process and on one core. */
export async function decisions({ figures }: Run): Promise<void> {
  await figures.take(names, async () => {
    for (const offers of sizes) {
      for (const [scenario, rank] of Object.entries(ranks)) {
        const playbook = playbookOf(offers, rank)
        const profile = visitorOf(playbook)
        const [hero] = playbook.placements.values()
        const request = { placements: hero ? [hero] : [], now, exposures: [] }
        const [choice] = decide(profile, request, playbook, calendar)
        if (choice?.propositions[0]?.offer !== `offer-${offers - 1}`)
          throw new Error('the last of all offers is the one that may be shown')
        const micros = median(() => decide(profile, request, playbook, calendar))
        const details = { offers, scenario, rulesEach: 3, limitsEach: 2 }
        if (offers === 200)
          figures.add({
            figure: 'decision-cpu-200',
            value: micros,
            unit: 'µs',
            atMost: cpuMaxMicros,
            with: details,
          })
        figures.add({
          figure: 'decisions-per-second',
          value: 1e6 / micros,
          unit: '1/s',
          with: { ...details, answerBytes: encode(choice.propositions).length },
        })
      }
    }
  })
}

/** Of each scenario, what is written at the top of the playbook. */
const ranks = {
  'all but the last are kept out by their last limit': {},
}

/** All of each offer must be looked at: its rules hold, and it is its last limit that keeps it out. */
function playbookOf(count: number, rank: object): Playbook {
  const offers = Array.from({ length: count }, (_, i) => [
    `offer-${i}`,
    {
      group: `group-${i % groups}`,
      value: count - i,
      when: `count("product_viewed", "${1 + (i % 28)}d") >= 3 && traits.tier in ["gold", "platinum"]`,
      never: `traits.storeCard || recent("product_viewed", "${1 + (i % 12)}h").exists(v, v.sku == "s${i % 25}")`,
      limits: [
        { on: 'display', max: 3, per: 'day' },
        {
          on: 'display',
          max: 2,
          per: '7d',
          ...(i === count - 1 && { across: 'placement', max: 500 }),
        },
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
      ...rank,
    }),
  )
}

/** Somebody who looked at much, complained once, and saw each offer twice. */
function visitorOf(playbook: Playbook): Profile {
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
  return { traits, consents: null, features }
}

/** Processor time of one call. */
function median(call: () => unknown): number {
  const calls = 100
  const rounds = Array.from({ length: 60 }, () => {
    const before = process.cpuUsage()
    for (let i = 0; i < calls; i++) call()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / calls
  })
  return rounds.toSorted((a, b) => a - b)[rounds.length / 2] ?? 0
}
