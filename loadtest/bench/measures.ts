import { type EventRecord, identifierOf } from '@halfsecond/protocol'
import { decide } from '../../node/src/core/decision/decide.ts'
import type { Playbook } from '../../node/src/core/decision/playbook.ts'
import { FeatureState } from '../../node/src/core/features/feature-state.ts'
import { compilePlaybook } from '../../node/src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../node/src/system/zone-calendar.ts'
import type { Run } from './run.ts'

const names = ['event-into-features', 'measured-decide']

/** Microseconds for one event into all features below, each with as much as it may keep. */
const updateMaxMicros = 8

/** Microseconds for a decide that asks each of them; one over the wire takes some hundreds. */
const decideMaxMicros = 80

const rules = [
  'count("page", "30d") > count("page", "29d")',
  'sum("page", "seconds", "2h") > max("page", "seconds", "1h")',
  'distinct("page", "path", "3h") > 200',
  'affinity("page", "path", "/7", "7d") > 0.1',
  'favourite("page", "path", "1h") == "/7"',
  'sequence("3h", step("page", 3, "10m"), step("page", "1h", p, p.seconds > 5), without("buy"))',
  'current("page") && latest("page", "seconds") >= 0',
  'session.events > 3 && session.minutes > 5 && stage("7d", "30d") == "active" && now.hour >= 0',
]

const minuteMs = 60_000
const now = Date.UTC(2025, 5, 18, 12)
const calendar = new ZoneCalendar()

/** What rules on events cost where a visitor did more than is kept. */
export async function measures({ figures }: Run): Promise<void> {
  await figures.take(names, async () => {
    const playbook = playbookOfRules()
    const events = Array.from({ length: 2_000 }, (_, i) => visit(i))
    const full = new FeatureState(playbook.features)
    for (const event of events) full.update(event.at, event)
    let at = now
    figures.add({
      figure: 'event-into-features',
      value: micros(() => {
        const event = visit(++at % 2_000)
        full.update(at, event)
      }),
      unit: 'µs',
      atMost: updateMaxMicros,
      with: { features: playbook.features.features.length, keptBytes: full.heldBytes },
    })
    const profile = { traits: null, consents: null, features: full, eldest: null }
    const request = { placements: [...playbook.placements.values()], now: at, exposures: [] }
    figures.add({
      figure: 'measured-decide',
      value: micros(() => decide(profile, request, playbook, calendar)),
      unit: 'µs',
      atMost: decideMaxMicros,
      with: { rules: rules.length },
    })
  })
}

function playbookOfRules(): Playbook {
  const offers = Object.fromEntries(
    rules.map((when, i) => [`offer-${i}`, { when, treatments: { banner: {} } }]),
  )
  const placement = { channel: 'web', format: 'banner', count: rules.length, fallback: {} }
  return compilePlaybook(
    JSON.stringify({
      playbook: 'measures',
      consent: { personalise: 'assumed' },
      events: { page: { path: 'string', seconds: 'int' }, buy: {} },
      placements: { hero: placement },
      offers,
    }),
  )
}

function visit(i: number): EventRecord {
  const at = now - (2_000 - i) * minuteMs
  const properties = { path: `/${(i * 7_919) % 300}`, seconds: i % 60 }
  const key = identifierOf('anon', 'one')
  return { kind: 'event', id: `e${i}`, key, at, name: 'page', properties }
}

/** Processor time of one call, in the quickest of several rounds: others use the machine, too. */
function micros(call: () => unknown): number {
  const calls = 2_000
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 20; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < calls; i++) call()
    best = Math.min(best, process.cpuUsage(before).user / calls)
  }
  return best
}
