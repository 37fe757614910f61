import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readPlaybook } from '../../src/playbook/compile-playbook.ts'
import { countChanges, diffPlaybooks } from '../../src/playbook/diff.ts'
import { describeChange, describeCounts } from '../../src/playbook/diff-words.ts'

const text = `playbook: shop
events: { page: { path: string } }
facts: { reading: 'count("page", "1h") > 2' }
groups: { sales: { weight: 2 } }
placements:
  hero: { channel: web, format: banner, fallback: { title: Hi }, limits: [{ on: display, max: 3, per: day }] }
offers:
  card: { group: sales, when: reading, treatments: { banner: { title: Card, link: /card } } }
  boots: { value: 4, treatments: { banner: { title: Boots } } }
tests:
  - { it: works, given: [], then: [{ at: hero, offer: boots }] }
`
const changed = (from: string, to: string) => {
  const next = text.replace(from, to)
  expect(next).not.toBe(text)
  return diffPlaybooks(readPlaybook(text).source, readPlaybook(next).source)
}
const words = (from: string, to: string) => changed(from, to).map(describeChange)

describe('the difference of two playbooks', () => {
  it.each([
    ['a value', 'value: 4', 'value: 5', '~ offer boots: value: 4 → 5'],
    ['a key that is new', 'value: 4', 'value: 4, priority: 3', '~ offer boots: priority: 0 → 3'],
    ['a default that is new', 'value: 4', 'value: 1', '~ offer boots: value: 4 → 1'],
    ['a rule', 'when: reading', 'when: "!reading"', '~ offer card: when: reading → !reading'],
    ['a rule that is gone', 'when: reading, ', '', '- offer card: when: no longer reading'],
    ['a fact', '> 2', '> 3', '~ fact reading: count("page", "1h") > 2 → count("page", "1h") > 3'],
    [
      'content as a whole',
      'title: Boots',
      'title: Shoes',
      '~ offer boots: treatments banner: {"title":"Boots"} → {"title":"Shoes"}',
    ],
    ['an event', '{ page:', '{ cart: {}, page:', '+ event cart: added'],
    ['a property', 'path: string', 'path: string, ms: int', '+ event page: ms: int'],
    [
      'a test',
      'it: works, given: []',
      'it: works now, given: []',
      '+ test works now: added',
      '- test works: removed',
    ],
    [
      'a context',
      'facts:',
      'context: [{ when: reading, offer: boots, times: 2 }]\nfacts:',
      '+ context: {"when":"reading","offer":"boots","times":2}',
    ],
    ['a segment', 'facts:', 'segments: [reading]\nfacts:', '+ segment: reading'],
    ['a channel', 'facts:', 'channels: { web: { when: reading } }\nfacts:', '+ channel web: added'],
    [
      'the zone',
      'playbook: shop',
      'playbook: shop\nzone: Europe/Paris',
      '~ zone: UTC → Europe/Paris',
    ],
  ])('tells %s', (_what, from, to, ...expected) => {
    expect(words(from, to)).toEqual(expected)
  })

  it('tells a new name from a new offer', () => {
    const next = text.replaceAll('boots', 'shoes')

    const [change] = diffPlaybooks(readPlaybook(text).source, readPlaybook(next).source)

    expect(change && describeChange(change)).toBe('~ offer boots: renamed to shoes')
  })

  it('tells limits one by one', () => {
    expect(
      words('per: day }]', 'per: day }, { on: click, max: 1, per: 7d, pause: 2d, across: all }]'),
    ).toEqual(['+ placement hero: limit: at most 1 click per 7d across all, then a pause of 2d'])
    expect(words('max: 3', 'max: 2')).toEqual([
      '- placement hero: limit: no longer at most 3 display per day',
      '+ placement hero: limit: at most 2 display per day',
    ])
  })

  it.each([
    ['a comment', 'events:', '# what channels send\nevents:'],
    ['a default that is written out', 'value: 4', 'value: 4, priority: 0, accepted: retire'],
    ['another order', '{ title: Card, link: /card }', '{ link: /card, title: Card }'],
    ['another style', '\'count("page", "1h") > 2\'', '"count(\\"page\\", \\"1h\\") > 2 "'],
  ])('is none for %s', (_what, from, to) => {
    expect(changed(from, to)).toEqual([])
  })

  it('is everything where there was none', () => {
    const changes = diffPlaybooks(undefined, readPlaybook(text).source)

    expect(describeCounts(countChanges(changes))).toBe('8 added')
    expect(changes.map(describeChange)).toContain('+ offer card: added')
  })

  it('is nothing between a playbook and itself', () => {
    const url = new URL('../../playbooks/fernhill.yaml', import.meta.url)
    const fernhill = readFileSync(url, 'utf8')

    const changes = diffPlaybooks(readPlaybook(fernhill).source, readPlaybook(fernhill).source)

    expect(describeCounts(countChanges(changes))).toBe('nothing changed')
  })
})

describe('the difference of how placements learn and of experiments', () => {
  it('names what a placement begins to learn, and what an experiment begins to guard', () => {
    const lines = diffPlaybooks(
      readPlaybook(text).source,
      readPlaybook(
        text.replace(
          'limits: [{',
          'learn: { on: click, by: [channel, placement], explore: 5% }, limits: [{',
        ),
      ).source,
    ).map(describeChange)

    expect(lines).toEqual(['+ placement hero: learn: click, by channel, placement, explore 5%'])
    expect(said('measure:', 'guardrails: [{ on: dismiss, within: 3d }], measure:')).toEqual([
      '+ experiment order: guardrails: dismiss, within 3d',
    ])
  })

  const before = `${text}experiments:
  order: { at: [hero], arms: { ours: {}, none: { share: 5%, shows: fallback } }, measure: { on: click } }
`.replace('limits: [{', 'learn: click, limits: [{')
  const said = (from: string, to: string) => {
    const next = before.replace(from, to)
    expect(next).not.toBe(before)
    return diffPlaybooks(readPlaybook(before).source, readPlaybook(next).source).map(describeChange)
  }
  const moved = '; people move between its arms: what was measured so far is of others'

  it.each([
    [
      'the long form',
      'learn: click',
      'learn: { on: click, halfLife: 7d, explore: 2%, by: [], trainer: bandit }',
    ],
    ['a share as a number', 'share: 5%', 'share: 0.05'],
    ['the rest, written out', 'ours: {}', 'ours: 95%'],
    [
      'defaults, written out',
      'measure: { on: click }',
      'measure: { on: click, within: 7d }, guardrails: []',
    ],
  ])('is none by %s', (_what, from, to) => {
    expect(said(from, to)).toEqual([])
  })

  it.each([
    ['learn: click, ', '', '- placement hero: learn: no longer click'],
    [
      'learn: click',
      'learn: accept',
      '~ placement hero: learn on: click → accept; this is another lesson: it learns anew',
    ],
    [
      'learn: click',
      'learn: { on: click, explore: 10% }',
      '~ placement hero: learn explore: 0.02 → 0.1',
    ],
    [
      'learn: click',
      'learn: { on: click, by: [channel] }',
      '~ placement hero: learn by: [] → ["channel"]; in other buckets it begins with what it knows of all',
    ],
    [
      'share: 5%',
      'share: 10%',
      `~ experiment order: arms: ours 95%, none 5% fallback → ours 90%, none 10% fallback${moved}`,
    ],
    [
      'ours: {}, none: { share: 5%, shows: fallback }',
      'none: { share: 5%, shows: fallback }, ours: {}',
      `~ experiment order: arms: ours 95%, none 5% fallback → none 5% fallback, ours 95%${moved}`,
    ],
    [
      'shows: fallback',
      'shows: random',
      '~ experiment order: arms: ours 95%, none 5% fallback → ours 95%, none 5% random',
    ],
    ['order: { at', 'sort: { at', `~ experiment order: renamed to sort${moved}`],
    [
      'measure: { on: click }',
      'measure: { on: accept }',
      '~ experiment order: measure on: click → accept',
    ],
    [
      'at: [hero], arms',
      'at: [hero], starts: 2030-01-01, arms',
      '+ experiment order: starts: 2030-01-01',
    ],
  ])('is told in words, with what follows: %s → %s', (from, to, line) => {
    expect(
      said(from, to).map((one) => one.replace(/:\n {4}was /, ': ').replace(/\n {4}is {2}/, ' → ')),
    ).toEqual([line])
  })
})
