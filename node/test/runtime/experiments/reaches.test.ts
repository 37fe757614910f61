import { HalfsecondError, identifierOf } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { decide } from '../../../src/core/decision/decide.ts'
import type { Playbook } from '../../../src/core/decision/playbook.ts'
import { FeatureState } from '../../../src/core/features/feature-state.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import {
  Reaches,
  type ReachesDependencies,
  remadeMax,
} from '../../../src/runtime/experiments/reaches.ts'
import { decisionPartitions } from '../../../src/runtime/ports.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { decidedBy, loggedEntry } from '../../support/decided.ts'

const playbook = compilePlaybook(`
playbook: shop
consent: { personalise: assumed }
events: { order: {} }
placements: { home: { channel: web, format: banner, fallback: {} } }
experiments: { look: { at: [home], arms: { ours: 50%, none: { share: 50%, shows: fallback } }, measure: { event: order } } }
offers: { tour: { treatments: { banner: {} } } }
`)
const [experiment] = playbook.experiments
const now = Date.UTC(2026, 11, 1)
const hourMs = 3_600_000

function entryOf(decision: string, at = now, arm = 'ours'): Uint8Array {
  const placements = [...playbook.placements.values()]
  const key = identifierOf('anon', decision)
  // Of the hash alone: an arm that is forced would not come out again.
  const profile = {
    traits: null,
    consents: null,
    features: new FeatureState(playbook.features),
    eldest: { id: key, bornAt: 1 },
  }
  const request = { placements, now: at, exposures: [], seed: decision }
  const choices = decide(profile, request, playbook, new ZoneCalendar())
  const entry = loggedEntry(decidedBy({ decision, key, request, playbook, profile, choices }))
  return choices[0]?.arms?.includes(`look=${arm}`) ? entry : entryOf(`${decision}x`, at, arm)
}

interface Logged {
  readonly at: number
  readonly entry: Uint8Array
}

/** @param logged all of it in the first partition, by when it was appended */
function reach(logged: readonly Logged[], more: Partial<ReachesDependencies> = {}) {
  const asked: (readonly [from: number, to: number])[] = []
  const turns = { count: 0 }
  let monotonic = 0
  const reaches = new Reaches({
    decisions: {
      find: async function* (partition, from, to) {
        if (partition > 0) return
        asked.push([from, to])
        for (const { at, entry } of logged) if (at >= from && at <= to) yield entry
      },
    },
    decisionLog: { flush: async () => {} },
    playbooks: { at: async () => playbook },
    calendar: new ZoneCalendar(),
    clock: {
      now: () => now,
      // Each look at it takes a fourth of a turn.
      monotonic: () => (monotonic += 0.25),
      soon: (run) => {
        turns.count++
        queueMicrotask(run)
      },
    },
    ...more,
  })
  if (experiment === undefined) throw new TypeError('the playbook has one')
  return { found: reaches.of(experiment, 'none'), asked, turns }
}

describe('the reach of the arms of an experiment', () => {
  it('is of logged decisions in each arm but the control, the newest first', async () => {
    const logged = [40 * 24 * hourMs, 3 * hourMs, 30_000, 0].map((ago, i) => ({
      at: now - ago,
      entry: entryOf(`d${i}`, now - ago),
    }))
    const { found, asked } = reach([...logged, { at: now, entry: entryOf('c', now, 'none') }])

    // The oldest is older than decisions are kept.
    expect(await found).toEqual([{ arm: 'ours', changed: 3, same: 0, notKnown: 0 }])
    expect(asked[0]?.[0]).toBe(now - 60_000)
    for (const [i, [from]] of asked.slice(0, -1).entries()) expect(asked[i + 1]?.[1]).toBe(from)
  })

  it('is of a bounded number, and no older ones are looked for then; others have their turn', async () => {
    const entries = Array.from({ length: 700 }, (_, i) => ({ at: now, entry: entryOf(`d${i}`) }))
    const { found, asked, turns } = reach(entries)

    const [ours] = await found
    expect(ours?.changed).toBe(remadeMax / decisionPartitions)
    expect(asked).toHaveLength(1)
    expect(turns.count).toBeGreaterThan(50)
  })

  it('counts a decision once that is found twice', async () => {
    const entry = entryOf('d')
    const { found } = reach([
      { at: now, entry },
      { at: now - hourMs, entry },
    ])

    expect(await found).toEqual([{ arm: 'ours', changed: 1, same: 0, notKnown: 0 }])
  })

  it('is not known of a playbook that is gone or refused, and fails where nobody answers', async () => {
    const logged = [{ at: now, entry: entryOf('d') }]
    const gone: () => Promise<Playbook | undefined> = async () => undefined
    const refused = async () => {
      throw new TypeError('no such word')
    }
    const away = async () => {
      throw new HalfsecondError('UNAVAILABLE', 'no leader')
    }

    for (const at of [gone, refused])
      expect(await reach(logged, { playbooks: { at } }).found).toEqual([
        { arm: 'ours', changed: 0, same: 0, notKnown: 1 },
      ])
    await expect(reach(logged, { playbooks: { at: away } }).found).rejects.toThrow('no leader')
  })
})
