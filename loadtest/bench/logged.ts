import { identifierOf } from '@halfsecond/protocol'
import { decide, type Profile } from '../../node/src/core/decision/decide.ts'
import { type Decided, encodeDecision } from '../../node/src/core/decision/logged-decision.ts'
import type { Playbook } from '../../node/src/core/decision/playbook.ts'
import { FeatureState } from '../../node/src/core/features/feature-state.ts'
import { ZoneCalendar } from '../../node/src/system/zone-calendar.ts'
import type { Figures } from '../lib/figures.ts'
import { median, now, playbookOf, sizes, visitorOf } from './decisions.ts'
import type { Run } from './run.ts'

const names = ['decision-log-cpu', 'decision-log-bytes']

/** Microseconds that taking one decision down may cost; most of it is what is known of a visitor who did much. */
const cpuMaxMicros = 80

const key = identifierOf('crm', '991')
const calendar = new ZoneCalendar()

/** What taking decisions down costs, beside deciding itself; in this process and on one core. */
export async function logged({ figures }: Run): Promise<void> {
  await figures.take(names, async () => {
    for (const offers of sizes) {
      const playbook = playbookOf(offers, {}, true)
      measure(`${offers} offers, somebody new`, playbook, strangerTo(playbook), figures)
      measure(`${offers} offers, all seen twice`, playbook, visitorOf(playbook), figures)
    }
  })
}

function measure(scenario: string, playbook: Playbook, profile: Profile, figures: Figures): void {
  const decided = decidedOf(playbook, profile)
  const { request } = decided
  const without = median(() => decide(profile, request, playbook, calendar))
  const within = median(() => {
    const choices = decide(profile, request, playbook, calendar)
    encodeDecision({ ...decided, choices }, 0)
  })
  figures.add({
    figure: 'decision-log-cpu',
    value: Math.max(0, within - without),
    unit: 'µs',
    atMost: cpuMaxMicros,
    with: { scenario, decideAlone: `${without.toFixed(1)} µs` },
  })
  const bytes = encodeDecision(decided, 0)?.length ?? 0
  figures.add({ figure: 'decision-log-bytes', value: bytes, unit: 'B', with: { scenario } })
}

function strangerTo({ features }: Playbook): Profile {
  return { traits: null, consents: null, features: new FeatureState(features), eldest: null }
}

function decidedOf(playbook: Playbook, profile: Profile): Decided {
  const request = { placements: [...playbook.placements.values()], now, exposures: [] }
  const choices = decide(profile, request, playbook, calendar)
  return noted({ decision: '01ARZ3NDEKTSV4RRFFQ69G5FAV', key, request, playbook, profile, choices })
}

type Made = Pick<Decided, 'decision' | 'key' | 'request' | 'playbook' | 'profile' | 'choices'>

/** A decision as a node notes it that has run for a while. */
export function noted(made: Made): Decided {
  return {
    node: 'node-1',
    members: [made.key],
    versionOf: () => ({ sequence: 1_234_567, index: 3 }),
    positions: [],
    pending: 0,
    position: [3, 3_000_000_000, 1_234_567],
    isFresh: true,
    playbookVersion: 7,
    ...made,
  }
}
