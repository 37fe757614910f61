import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runPlaybookTests } from '../../src/playbook/playbook-tests.ts'
import { ZoneCalendar } from '../../src/system/zone-calendar.ts'
import { told } from './faults-of.ts'

const base = `playbook: shop
consent: { personalise: assumed }
events: { page: { path: string, seconds: int } }
traits: { tier: { type: string }, tags: { type: list(string) } }
facts: { gold: traits.tier == "gold" }
placements:
  hero: { channel: web, format: banner, fallback: {} }
  mail: { channel: email, format: text, fallback: {} }
offers:
  card: { when: gold, limits: [{ on: display, max: 2, per: day }], treatments: { banner: {} } }
  help: { when: 'count("page", "1h") >= 2', value: 9, treatments: { banner: {} } }
tests:
  - it: works
`
const gold = '{ visitor: "crm:1", traits: { tier: gold } }'
const page = '{ visitor: "crm:1", event: page, path: /a'

const given = (records: string, then: string) =>
  `${base}    given: [${records}]\n    then: [${then}]\n`

describe('the playbook of the first run', () => {
  it('does what its own cases say', () => {
    const text = readFileSync(new URL('../../playbooks/fernhill.yaml', import.meta.url), 'utf8')

    const { cases, failures } = runPlaybookTests(text, new ZoneCalendar())

    expect(failures).toEqual([])
    expect(cases).toBe(6)
  })
})

describe('a case', () => {
  it.each([
    ['nothing given', '', '{ at: hero, fallback: true }, { at: hero, never: card }'],
    ['traits', gold, '{ at: hero, offer: card, never: help }'],
    ['events', `${page} }, ${page} }`, '{ at: hero, offer: help }'],
    ['events of another time', `${page}, ago: 1h }, ${page} }`, '{ at: hero, fallback: true }'],
    [
      'outcomes',
      `${gold}, { visitor: "crm:1", outcome: accept, offer: card, placement: hero, ago: 1d }`,
      '{ at: hero, fallback: true }',
    ],
    [
      'as many outcomes as a limit takes',
      `${gold}, ${Array.from({ length: 2 }, () => '{ visitor: "crm:1", outcome: display, offer: card, placement: hero }').join(', ')}`,
      '{ at: hero, fallback: true }',
    ],
    [
      'consent',
      `${gold}, { visitor: "crm:1", consent: { personalise: false } }`,
      '{ at: hero, fallback: true }',
    ],
    [
      'each placement asked by itself',
      gold,
      '{ at: hero, offer: card }, { at: hero, offer: card }',
    ],
  ])('holds: %s', (_what, records, then) => {
    expect(told(given(records, then))).toEqual([])
  })

  it.each([
    [
      '',
      '{ at: hero, offer: card }',
      '15:31 tests.0.then.0.offer: "works" fails: hero shows default content; card is expected, but when: gold is unknown',
    ],
    [
      gold,
      '{ at: hero, never: card }',
      '15:31 tests.0.then.0.never: "works" fails: hero shows card; card must not be',
    ],
    [
      gold,
      '{ at: hero, fallback: true }',
      '15:34 tests.0.then.0.fallback: "works" fails: hero shows card; default content is expected',
    ],
    [
      gold,
      '{ at: mail, offer: card }',
      '15:31 tests.0.then.0.offer: "works" fails: mail shows default content; card is expected, but it has no treatment for this placement',
    ],
    [
      `${gold}, { visitor: "crm:1", consent: { personalise: false } }`,
      '{ at: hero, offer: card }',
      '15:31 tests.0.then.0.offer: "works" fails: hero shows default content; card is expected, but there is no consent',
    ],
  ])('fails where it is written, with the reason: %s %s', (records, then, message) => {
    expect(told(given(records, then))).toEqual([`p.yaml:${message}`])
  })

  const fallback = '{ at: hero, fallback: true }'
  it.each([
    [
      '',
      '{ at: her, fallback: true }',
      '15:18 tests.0.then.0.at: no placement "her"; did you mean "hero"?',
    ],
    [
      '',
      '{ at: hero, offer: crd }',
      '15:31 tests.0.then.0.offer: no offer "crd"; did you mean "card"?',
    ],
    ['', '{ at: hero }', '15:12 tests.0.then.0: must be an expectation: offer, never or fallback'],
    ['{ event: page }', fallback, '14:13 tests.0.given.0: "visitor" is missing'],
    [
      '{ visitor: "crm:1" }',
      fallback,
      '14:13 tests.0.given.0: this is one of traits, event, consent, outcome',
    ],
    [
      '{ visitor: joe, traits: {} }',
      fallback,
      '14:24 tests.0.given.0.visitor: "joe" is not namespace:value, like anon:4hG8 or crm:991',
    ],
    [
      `${gold}, { visitor: "crm:2", traits: {} }`,
      fallback,
      '14:70 tests.0.given.1.visitor: a case is about one visitor, and this one is about crm:1',
    ],
    [
      '{ visitor: "crm:1", event: pag }',
      fallback,
      '14:40 tests.0.given.0.event: no event "pag"; did you mean "page"?',
    ],
    [
      '{ visitor: "crm:1", event: page, pth: a }',
      fallback,
      '14:51 tests.0.given.0.pth: no property "pth"; did you mean "path"?',
    ],
    [
      '{ visitor: "crm:1", event: page, path: 7 }',
      fallback,
      '14:52 tests.0.given.0.path: path must be a string',
    ],
    [
      '{ visitor: "crm:1", traits: { teir: gold } }',
      fallback,
      '14:41 tests.0.given.0.traits: no trait "teir"; did you mean "tier"?',
    ],
    [
      '{ visitor: "crm:1", traits: { tags: gold } }',
      fallback,
      '14:41 tests.0.given.0.traits: tags must be a list(string)',
    ],
    [
      '{ visitor: "crm:1", traits: {}, page: 1 }',
      fallback,
      '14:51 tests.0.given.0.page: no such key here',
    ],
    [
      '{ visitor: "crm:1", traits: {}, ago: 3 }',
      fallback,
      '14:50 tests.0.given.0.ago: must be a duration like 30m, 12h, 7d or 4w',
    ],
    [
      '{ visitor: "crm:1", consent: { a: true, b: true } }',
      fallback,
      '14:42 tests.0.given.0.consent: consent names one purpose, like { personalise: true }',
    ],
    [
      '{ visitor: "crm:1", outcome: accept, offer: card }',
      fallback,
      '14:42 tests.0.given.0.outcome: an outcome names an offer, and a placement that shows it',
    ],
    [
      '{ visitor: "crm:1", outcome: accept, offer: card, placement: mail }',
      fallback,
      '14:42 tests.0.given.0.outcome: an outcome names an offer, and a placement that shows it',
    ],
  ])('is checked like the rest of the playbook: %s %s', (records, then, message) => {
    expect(told(given(records, then))).toEqual([`p.yaml:${message}`])
  })
})

describe('a case about experiments', () => {
  const experiments = `experiments:
  hold: { at: [hero], arms: { ours: {}, none: { share: 50%, shows: fallback } }, measure: { on: click }, starts: 2030-01-01 }
  copy: { at: [hero], arms: { old: {}, new: 50% }, measure: { on: click } }
`
  const asked = base.replace("'count(", `'arm("copy") == "new" || count(`)
  const inArms = (arms: string, then: string) =>
    `${asked.replace('tests:', `${experiments}tests:`)}    arms: ${arms}\n    given: [${gold}]\n    then: [{ at: hero, ${then} }]\n`

  it.each([
    ['{}', 'offer: card, never: help'],
    ['{ copy: old }', 'offer: card, never: help'],
    ['{ copy: new }', 'offer: help'],
    ['{ hold: ours }', 'offer: card'],
    ['{ hold: none, copy: new }', 'fallback: true'],
  ])('says in which arms the visitor is: %s', (arms, then) => {
    expect(told(inArms(arms, then))).toEqual([])
  })

  it.each([
    ['{ hodl: none }', 'tests.0.arms.hodl: no experiment "hodl"; did you mean "hold"?'],
    ['{ hold: nobody }', 'tests.0.arms.hold: no arm "nobody"; there are ours, none'],
    ['{ copy: newer }', 'tests.0.arms.copy: no arm "newer"; did you mean "new"?'],
  ])('names arms that exist: %s', (arms, fault) => {
    expect(told(inArms(arms, 'offer: card'))).toEqual([expect.stringContaining(fault)])
  })

  it('is the same every time at a placement that learns', () => {
    const learning = inArms('{}', 'offer: card').replace(
      'format: banner,',
      'format: banner, learn: { on: click, explore: 50% },',
    )

    expect(Array.from({ length: 20 }, () => told(learning))).toEqual(Array(20).fill([]))
  })
})
