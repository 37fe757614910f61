import { type EventRecord, identifierOf, type OutcomeRecord } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide } from '../../src/core/decision/decide.ts'
import type { Playbook } from '../../src/core/decision/playbook.ts'
import { type Entry, inOrder } from '../../src/core/fragment/entry.ts'
import { stateOf } from '../../src/core/fragment/timeline.ts'
import { readPlaybook } from '../../src/playbook/compile-playbook.ts'
import { unchangedPlacements } from '../../src/playbook/unchanged-placements.ts'
import { ZoneCalendar } from '../../src/system/zone-calendar.ts'
import { start } from '../support/records.ts'

const shop = `playbook: shop
consent: { personalise: assumed }
events: { page: { path: string }, bought: {} }
traits: { tier: { type: string } }
facts:
  gold: 'traits.tier == "gold"'
  keen: 'gold && count("page", "1d") > 1'
  done: 'count("bought", "1d") > 0'
segments: [done]
groups:
  shoes: { weight: 2, limits: [{ on: display, max: 3, per: 1d, across: group }] }
channels:
  web: { quiet: "22:00-06:00" }
placements:
  hero: { channel: web, format: banner, fallback: Welcome, learn: { on: click, explore: 10% } }
  side: { channel: web, format: note, fallback: Hello }
  letter: { channel: mail, format: letter, token: 3d, fallback: Dear }
offers:
  boots: { group: shoes, when: keen, treatments: { banner: 'Boots for \${traits.tier}' } }
  hats: { limits: [{ on: display, max: 2, per: 1d, across: channel }], treatments: { banner: Hats, letter: Hats } }
  mug: { never: done, treatments: { note: Mug } }
context:
  - { when: gold, group: shoes, times: 2 }
experiments:
  order: { at: [hero], arms: { ours: 70%, any: { share: 30%, shows: random } }, measure: { on: click } }
`

/** What may be said otherwise: together they change any of the placements, or none. */
const edits: readonly (readonly [string, string])[] = [
  ['segments: [done]\n', ''],
  ['note: Mug', 'note: A mug'],
  ['measure: { on: click }', 'measure: { on: accept }'],
  ['explore: 10%', 'explore: 50%'],
  ['when: keen', 'when: gold'],
  ['> 1', '> 2'],
  ['"gold"', '"silver"'],
  ['weight: 2', 'weight: 3'],
  ['max: 3', 'max: 1'],
  ['times: 2', 'times: 3'],
  ['ours: 70%, any: { share: 30%,', 'ours: 40%, any: { share: 60%,'],
  ['shows: random', 'shows: fallback'],
  ['offers:', 'offers:\n  caps: { group: shoes, treatments: { banner: Caps } }'],
  ['offers:', 'offers:\n  cup: { group: shoes, treatments: { letter: Cup } }'],
  ['22:00', '10:00'],
  ['count("bought", "1d")', 'count("bought", "2d")'],
  ['mug: {', 'mug: { group: shoes,'],
  [' group: shoes, when', ' when'],
  [' token: 3d,', ''],
  ['side: { channel: web', 'side: { channel: mail'],
  ['letter: { channel: mail', 'letter: { channel: web'],
  ['  side: {', '  aside: {'],
  ['hats: {', 'gloves: {'],
  ['boots: {', 'shoe: {'],
  ['placements:', 'placements:\n  foot: { channel: web, format: note, fallback: Bye }'],
]

/** Where a playbook that says it differently is the same. */
function unchanged(...edits: readonly (readonly [string, string])[]): readonly string[] {
  const text = edits.reduce((all, [from, to]) => {
    expect(all).toContain(from)
    return all.replace(from, to)
  }, shop)
  const before = readPlaybook(shop).source
  return [...unchangedPlacements(before, readPlaybook(text).source)].sort()
}

const all = ['hero', 'letter', 'side']

describe('placements of which two playbooks say the same', () => {
  it.each([
    ['the very same', 'playbook: shop', 'playbook: shop'],
    ['another name', 'playbook: shop', 'playbook: store'],
    [
      'a comment, and the order of keys',
      '{ channel: web, format: note,',
      '{ format: note, channel: web, # side\n   ',
    ],
    ['other segments', 'segments: [done]', 'segments: [gold]'],
    ['another fact that nothing asks for', 'segments: [done]\n', ''],
    ['other default content', 'fallback: Welcome', 'fallback: Good day'],
    ['other words', 'note: Mug', 'note: A mug'],
    ['what an experiment measures', 'measure: { on: click }', 'measure: { on: accept }'],
    ['shares as numbers', 'ours: 70%', 'ours: 0.7'],
    ['a trait that nothing reads', 'traits: { ', 'traits: { birthday: { type: int }, '],
  ])('are all of them, with %s', (_, from, to) => {
    expect(unchanged([from, to])).toEqual(all)
  })

  it.each([
    ['how it learns', 'explore: 10%', 'explore: 20%'],
    ['an offer of it', 'when: keen', 'when: gold'],
    ['what a rule names', '> 1', '> 2'],
    ['what that names', '"gold"', '"silver"'],
    ['the weight of a group', 'weight: 2', 'weight: 3'],
    ['a limit', 'max: 3', 'max: 4'],
    ['a context', 'times: 2', 'times: 3'],
    [
      'the shares of an experiment',
      'ours: 70%, any: { share: 30%,',
      'ours: 60%, any: { share: 40%,',
    ],
    ['the name of an experiment', '  order: {', '  orders: {'],
    ['what an arm shows', 'shows: random', 'shows: unlearned'],
    ['content that is filled in', 'Boots for', 'Good boots for'],
    ['an offer that is new', 'offers:', 'offers:\n  caps: { treatments: { banner: Caps } }'],
  ])('are those that do not depend on %s', (_, from, to) => {
    expect(unchanged([from, to])).toEqual(['letter', 'side'])
  })

  it('are none where everybody is asked for consent', () => {
    expect(unchanged(['personalise: assumed', 'personalise: required'])).toEqual([])
  })

  it('are not those of a channel that is closed at other times', () => {
    expect(unchanged(['22:00', '21:00'])).toEqual(['letter'])
  })

  it('are not those of a fact that offers name, whoever else does', () => {
    expect(unchanged(['count("bought", "1d")', 'count("bought", "2d")'])).toEqual([
      'hero',
      'letter',
    ])
  })

  it('are not those whose group has other members that were shown', () => {
    expect(unchanged(['mug: {', 'mug: { group: shoes,'])).toEqual(['letter'])
    expect(
      unchanged(['offers:', 'offers:\n  cup: { group: shoes, treatments: { letter: Cup } }']),
    ).toEqual(['hero', 'side'])
  })

  it('are none where what is displayed later was displayed at once', () => {
    expect(unchanged([' token: 3d,', ''])).toEqual([])
  })

  it('are not those of a channel that another placement left or came to', () => {
    expect(unchanged(['side: { channel: web', 'side: { channel: mail'])).toEqual([])
  })

  it('are those beside one that is new', () => {
    const to = 'placements:\n  foot: { channel: web, format: note, fallback: Bye }'
    expect(unchanged(['placements:', to])).toEqual(all)
  })

  it('choose alike there, for whoever did whatever', () => {
    const before = readPlaybook(shop)
    fc.assert(
      fc.property(
        fc.subarray([...edits], { minLength: 1, maxLength: 2 }),
        fc.array(happening, { maxLength: 24 }),
        fc.constantFrom('gold', 'silver'),
        fc.uuid(),
        (changed, timeline, tier, seed) => {
          const text = changed.reduce((all, [from, to]) => all.replace(from, to), shop)
          const after = readPlaybook(text)

          for (const name of unchangedPlacements(before.source, after.source)) {
            const asked = { name, timeline, tier, seed }
            expect(choiceOf(after.playbook, asked)).toEqual(choiceOf(before.playbook, asked))
          }
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

const hour = 3_600_000
const now = start + 30 * hour
const calendar = new ZoneCalendar()
const key = identifierOf('anon', 'v1')

const at = fc.integer({ min: start, max: now })
const happening: fc.Arbitrary<Entry> = fc.oneof(
  fc
    .record({ at, id: fc.uuid(), name: fc.constantFrom('page', 'bought') })
    .map(({ at, id, name }) => {
      const properties = name === 'page' ? { path: '/a' } : {}
      return { at, record: { kind: 'event', id, key, at, name, properties } satisfies EventRecord }
    }),
  fc
    .record({
      at,
      id: fc.uuid(),
      decision: fc.uuid(),
      outcome: fc.constantFrom('display', 'click'),
      shown: fc.constantFrom(
        { placement: 'hero', offer: 'boots', treatment: 'banner' },
        { placement: 'hero', offer: 'hats', treatment: 'banner' },
        { placement: 'letter', offer: 'hats', treatment: 'letter' },
        { placement: 'side', offer: 'mug', treatment: 'note' },
      ),
    })
    .map(({ shown, ...said }) => ({
      at: said.at,
      record: { kind: 'outcome', key, ...said, ...shown } satisfies OutcomeRecord,
    })),
)

interface Asked {
  readonly name: string
  readonly timeline: readonly Entry[]
  readonly tier: string
  readonly seed: string
}

/** What is chosen there, and how, but for the words of it. */
function choiceOf({ features, ...playbook }: Playbook, { name, timeline, tier, seed }: Asked) {
  const profile = {
    traits: new Map([['tier', { value: tier, at: start, id: '' }]]),
    consents: null,
    features: stateOf(features, [...timeline].sort(inOrder)),
    eldest: { id: identifierOf('anon', seed), bornAt: start },
  }
  const placement = playbook.placements.get(name)
  const request = { placements: placement ? [placement] : [], now, exposures: [], seed }
  return decide(profile, request, { features, ...playbook }, calendar).map(
    ({ reason, arms, propositions }) => ({
      reason,
      arms,
      propositions: propositions.map(({ offer, treatment, probability }) => ({
        offer,
        treatment,
        probability,
      })),
    }),
  )
}
