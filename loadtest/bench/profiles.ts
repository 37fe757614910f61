import { encode, type Identifier, identifierOf } from '@halfsecond/protocol'
import { decide } from '../../node/src/core/decision/decide.ts'
import type { Playbook } from '../../node/src/core/decision/playbook.ts'
import { profileOf } from '../../node/src/core/decision/profile.ts'
import { Digest } from '../../node/src/core/digest.ts'
import { Arena } from '../../node/src/core/fragment/arena.ts'
import { evolve, type FragmentRecord, type Ground } from '../../node/src/core/fragment/evolve.ts'
import { type Fragment, initialFragment } from '../../node/src/core/fragment/fragment.ts'
import { featuresOf } from '../../node/src/core/fragment/timeline.ts'
import { encodeCopy, readCopy } from '../../node/src/core/profile/copy.ts'
import { MergedProfiles } from '../../node/src/core/profile/merged-profiles.ts'
import { ownPart } from '../../node/src/core/profile/part.ts'
import { compilePlaybook } from '../../node/src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../node/src/system/zone-calendar.ts'
import type { Run } from './run.ts'

const names = ['merged-decide']
const sizes = [3, 30]

/** What merging may add to a decide, in microseconds; a decide over the wire takes some hundreds. */
const addedMaxMicros = 20

const offers = 12
const entriesPerFragment = 60
const now = Date.UTC(2025, 5, 18, 12)
const fiveDaysMs = 5 * 24 * 60 * 60_000
const calendar = new ZoneCalendar()

/** What a decide over the fragments of one person costs more than one over a single fragment. */
export async function profiles({ figures }: Run): Promise<void> {
  await figures.take(names, async () => {
    const playbook = playbookOfMany()
    const { features: set } = playbook
    const ground = bareGround()
    for (const fragments of sizes) {
      const all = Array.from({ length: fragments }, (_, i) => fragmentOf(i, ground))
      const [root = initialFragment(keyOf(0)), ...others] = all
      const alone = micros(() => decideWith(playbook, profileOf(root, set, [], now, ground)))
      const copies = others.map((one) =>
        readCopy(encodeCopy(one, null, featuresOf(one, set, ground), 1)),
      )
      const merged = new MergedProfiles(set)
      const whole = micros(() => {
        root.sequence++ // The visitor clicks before each decide, so that it is merged each time.
        return decideWith(playbook, merged.of(ownPart(root, set, ground), copies))
      })
      figures.add({
        figure: 'merged-decide',
        value: whole - alone,
        unit: 'µs',
        ...(fragments === 3 && { atMost: addedMaxMicros }),
        with: {
          scenario: `${fragments} fragments`,
          features: set.features.length,
          alone: alone.toFixed(1),
          entries: entriesPerFragment * fragments,
        },
      })
    }
  })
}

function decideWith(playbook: Playbook, profile: ReturnType<typeof profileOf>): unknown {
  const request = { placements: [...playbook.placements.values()], now, exposures: [] }
  return decide(profile, request, playbook, calendar)
}

/** Processor time of one call, in the quickest of several rounds: others use the machine, too. */
function micros(call: () => unknown): number {
  const calls = 5_000
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 10; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < calls; i++) call()
    best = Math.min(best, process.cpuUsage(before).user / calls)
  }
  return best
}

function fragmentOf(place: number, ground: Ground): Fragment {
  const key = keyOf(place)
  const fragment = initialFragment(key)
  for (let i = 0; i < entriesPerFragment; i++) {
    const record = recordOf(key, place, i)
    const bytes = encode(record)
    const logged = { sequence: i + 1, index: 0, timestamp: now, bytes, start: 0, end: bytes.length }
    evolve(fragment, record, logged, ground)
  }
  return fragment
}

function recordOf(key: Identifier, place: number, i: number): FragmentRecord {
  const id = `r${place}-${i}`
  const at = now - ((i * 7_919 + place * 104_729) % 5_000) * (fiveDaysMs / 5_000)
  if (i % 3 === 0)
    return { kind: 'event', id, key, at, name: `e${(i / 3) % offers}`, properties: {} }
  if (i % 10 === 1) return { kind: 'traits', id, key, at, set: { [`trait${i}`]: i }, unset: [] }
  return {
    kind: 'outcome',
    id,
    key,
    at,
    decision: id,
    placement: 'hero',
    offer: `o${(i * 5 + place) % offers}`,
    treatment: 'banner',
    outcome: 'display',
  }
}

function keyOf(place: number): Identifier {
  return place === 0 ? identifierOf('user', '1') : identifierOf('anon', `device${place}`)
}

function bareGround(): Ground {
  const chunks = { read: () => undefined, seal: () => {}, remove: () => {} }
  return { arena: new Arena(), digest: new Digest(), chunks }
}

/** Every offer has conditions and limits of its own, and all of them are looked at. */
function playbookOfMany(): Playbook {
  const numbers = Array.from({ length: offers }, (_, i) => i)
  const limits =
    '[{ on: display, max: 40, per: day }, { on: display, max: 30, per: 1h, pause: 1h }]'
  const offerOf = (i: number) =>
    `  o${i}: { when: 'count("e${i}", "4d") >= ${i % 3}', limits: ${limits}, treatments: { banner: {} } }`
  return compilePlaybook(`
playbook: bench
consent: { personalise: assumed }
events:
${numbers.map((i) => `  e${i}: {}`).join('\n')}
placements:
  hero: { channel: web, format: banner, count: ${offers}, fallback: {} }
offers:
${numbers.map(offerOf).join('\n')}
`)
}
