import { describe, expect, it } from 'vitest'
import { defaultsOf } from '../../src/core/decision/playbook.ts'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'
import { PlaybookError } from '../../src/playbook/faults.ts'
import { Person } from '../core/decision/person.ts'
import { faultsOf, told } from './faults-of.ts'

const place = 'placements:\n  hero: { channel: web, format: banner, fallback: {} }\n'
const base = `playbook: shop\n${place}`
const offer = (part: string) =>
  `${base}groups: { sales: {} }\noffers:\n  card: { treatments: { banner: {} }, ${part} }\n`
const treatment = (content: string) => `${base}offers: { card: { treatments: ${content} } }`
const limit = (part: string) => offer(`limits: [{ ${part} }]`)
/** The part of a text that a fault is about. */
const pointing = (text: string, start: number, length: number) =>
  `\n    ${text}\n    ${' '.repeat(start)}${'^'.repeat(length)}`
/** An expression inside content. */
const cel = (text: string) => `$\{${text}}`
const perNeeds = 'must be day, week, month, session, lifetime, or a duration like 7d'
const afterNeeds = 'must be retire, allow, or { pause: 30d }'
const outcomes = 'display, click, accept, reject, dismiss, unsubscribe'
const possible =
  'playbook, zone, consent, events, traits, profile, facts, catalogues, catalogueVersions, segments, triggers, groups, rank, context, channels, placements, offers, experiments, tests'

/** Text, and what the command prints; line 4 is the first behind the placements. */
const faulty: readonly (readonly [string, ...string[]])[] = [
  ['', '1:1 must be a map'],
  ['- a', '1:1 must be a map'],
  ['playbook: shop', '1:1 "placements" is missing'],
  [`playbook: 7\n${place}`, '1:11 playbook: must be text'],
  ['playbook: a\nplacements: {}', '2:13 placements: must not be empty'],
  [`${base}offer: {}`, '4:1 offer: no such key here; did you mean "offers"?'],
  [`${base}__proto__: 1`, `4:1 __proto__: no such key here; possible are ${possible}`],
  [
    `${base}zone: Europe/Londn`,
    '4:7 zone: no time zone "Europe/Londn"; use an IANA name like Europe/London',
  ],
  [
    `${base}rank: value * wieght`,
    `4:15 rank: no fact "wieght"; did you mean "weight"?${pointing('value * wieght', 8, 6)}`,
  ],
  [
    `${base}rank: value > 1`,
    `4:7 rank: this is a bool; a number is needed here${pointing('value > 1', 0, 9)}`,
  ],
  [`${base}facts: { x: value > 1 }`, `4:13 facts.x: no fact "value"${pointing('value > 1', 0, 5)}`],
  [offer('value: weight'), `6:46 offers.card.value: no fact "weight"${pointing('weight', 0, 6)}`],
  [
    offer('value: -1'),
    '6:46 offers.card.value: must be a number that is not below 0, or a formula',
  ],
  [
    `${base}context: [{ when: "true", times: 2 }]`,
    '4:11 context.0: a context is about a group or about an offer: name one of them',
  ],
  [
    `${base}context: [{ when: "true", offer: boots, times: 2 }]`,
    '4:34 context.0.offer: no offer "boots"',
  ],
  [
    `${base}groups: { sales: {} }\ncontext: [{ when: "true", group: sale, times: 2 }]`,
    '5:34 context.0.group: no group "sale"; did you mean "sales"?',
  ],
  [
    `${base}channels: { wep: { quiet: "21:00-08:00" } }`,
    '4:13 channels.wep: no placement is of the channel "wep"; did you mean "web"?',
  ],
  [
    `${base}channels: { web: { quiet: "21-8" } }`,
    '4:27 channels.web.quiet: must be hours of a day, like 21:00-08:00',
  ],
  [
    `${base}channels: { web: { quiet: "21:00-21:00" } }`,
    '4:27 channels.web.quiet: quiet hours that end as they begin leave no other hours',
  ],
  [
    offer('starts: tomorrow'),
    '6:47 offers.card.starts: a day like 2025-12-01, or an instant with its zone, like 2025-12-01T09:00:00Z',
  ],
  [
    offer('ends: 2025-02-30'),
    '6:45 offers.card.ends: a day like 2025-12-01, or an instant with its zone, like 2025-12-01T09:00:00Z',
  ],
  [
    offer('starts: 2025-12-02, ends: 2025-12-01'),
    '6:65 offers.card.ends: this offer ends before it begins',
  ],
  [
    offer('locales: { german: { banner: {} }, deutsch-deutsch-: { banner: {} } }'),
    '6:74 offers.card.locales.deutsch-deutsch-: must be a language, like de or de-CH',
  ],
  [
    offer('locales: { de-CH: { baner: {} }, de_ch: { banner: {} } }'),
    '6:59 offers.card.locales.de-CH.baner: no treatment "baner" for all others; did you mean "banner"?',
    '6:72 offers.card.locales.de_ch: this language is here twice',
  ],
  [
    limit('on: click, max: 1, per: day, strict: true'),
    '6:87 offers.card.limits.0.strict: only a limit on display can be strict: others are told late',
  ],
  [`${base}zone: 7`, '4:7 zone: must be text'],
  [
    `${base}consent: { personalise: maybe }`,
    '4:25 consent.personalise: must be one of required, assumed',
  ],
  [
    `${base}consent: { personalize: assumed }`,
    '4:12 consent.personalize: no such key here; did you mean "personalise"?',
  ],
  [`${base}events: { click: {} }`, '4:11 events.click: this name is reserved for a kind of record'],
  [
    `${base}events: { page: { path: text } }`,
    '4:25 events.page.path: must be one of string, double, int, bool, list(string), list(double)',
  ],
  [`${base}events: { "a\\nb": {} }`, '4:11 events.a\\nb: a name must be printable text'],
  [
    `${base}traits: { t: { type: string, default: 7 } }`,
    '4:39 traits.t.default: the default must be of type string, and no list',
  ],
  [
    `${base}traits: { t: { type: list(string), default: [a] } }`,
    '4:45 traits.t.default: the default must be of type list(string), and no list',
  ],
  [
    `${base}traits: { tier: { type: string } }\nprofile:\n  call: [tier]\n  chat: [tier, teir]`,
    '7:16 profile.chat.1: no trait "teir" is declared; did you mean "tier"?',
  ],
  [`${base}profile: { call: tier }`, '4:18 profile.call: must be a list'],
  [`${base}traits: { t: { default: 7 } }`, '4:14 traits.t: "type" is missing'],
  [
    `${base}facts: { "my-fact": "true" }`,
    '4:10 facts.my-fact: the name of a fact has letters, digits and _ only',
  ],
  [
    `${base}facts: { traits: "true" }`,
    '4:10 facts.traits: "traits" has a meaning of its own in conditions',
  ],
  [`${base}facts: { a: "" }`, '4:13 facts.a: must not be empty'],
  [`${base}facts: { a: true }`, '4:13 facts.a: must be text'],
  [
    `${base}facts: { a: b, b: a, c: a }`,
    '4:13 facts.a: this fact refers to itself',
    '4:19 facts.b: this fact refers to itself',
  ],
  [
    `${base}facts: { a: "b &&", b: a }`,
    '4:18 facts.a: something is missing at the end\n    b &&\n        ^',
  ],
  [
    `${base}groups: { g: { wieght: 3 } }`,
    '4:16 groups.g.wieght: no such key here; did you mean "weight"?',
  ],
  [`${base}groups: { g: { weight: -1 } }`, '4:24 groups.g.weight: must be at least 0'],
  [`${base}groups: { g: { never: x } }`, '4:23 groups.g.never: no fact "x"\n    x\n    ^'],
  [`${base}groups: { "": {} }`, '4:11 groups.: a name has 1 to 64 characters'],
  [
    'playbook: a\nplacements:\n  x: { channel: web, format: b, fallback: 7, count: 0, token: 30x }\n',
    '3:43 placements.x.fallback: must be a map or text or a list',
    '3:53 placements.x.count: must be at least 1',
    '3:63 placements.x.token: must be a duration like 30m, 12h, 7d or 4w',
  ],
  [
    'playbook: a\nplacements:\n  x: { channel: web, format: b }\n',
    '3:6 placements.x: "fallback" is missing',
  ],
  [
    'playbook: a\nplacements:\n  x: { channel: web, format: b, fallback: {}, limits: [{ on: display, max: 1, per: day, across: offer }] }\n',
    '3:97 placements.x.limits.0.across: across: offer counts nothing here, a placement has none',
  ],
  [offer('group: sale'), '6:46 offers.card.group: no group "sale"; did you mean "sales"?'],
  [offer('group: constructor'), '6:46 offers.card.group: no group "constructor"'],
  [offer('priority: high'), '6:49 offers.card.priority: must be a number'],
  [offer('accepted: retired'), `6:49 offers.card.accepted: ${afterNeeds}`],
  [offer('accepted: { pause: 30 }'), `6:49 offers.card.accepted: ${afterNeeds}`],
  [offer('rejected: { pause: 30d, x: 1 }'), `6:49 offers.card.rejected: ${afterNeeds}`],
  [offer('when: 7'), '6:45 offers.card.when: must be text'],
  [
    limit('on: displayed, max: 1, per: day'),
    `6:54 offers.card.limits.0.on: must be one of ${outcomes}`,
  ],
  [limit('on: display, max: 0, per: day'), '6:68 offers.card.limits.0.max: must be at least 1'],
  [limit('on: display, max: 513, per: day'), '6:68 offers.card.limits.0.max: must be at most 512'],
  [
    limit('on: display, max: 1.5, per: 7'),
    '6:68 offers.card.limits.0.max: must be a whole number',
    `6:78 offers.card.limits.0.per: ${perNeeds}`,
  ],
  [limit('on: display, max: 1, per: fortnight'), `6:76 offers.card.limits.0.per: ${perNeeds}`],
  [limit('on: display, max: 1'), '6:48 offers.card.limits.0: "per" is missing'],
  [
    limit('on: display, max: 2, per: day, pause: 7d'),
    '6:88 offers.card.limits.0.pause: a pause after more than one needs a duration in per, like 7d',
  ],
  [
    limit('on: display, max: 2, per: day, across: group'),
    '6:89 offers.card.limits.0.across: across: group counts nothing here, the offer has none',
  ],
  [
    limit('on: display, max: 2, per: day, across: shop'),
    '6:89 offers.card.limits.0.across: must be one of offer, group, placement, channel, all',
  ],
  [
    treatment('{ baner: {} }'),
    '4:40 offers.card.treatments.baner: no placement has the format "baner"; did you mean "banner"?',
  ],
  [treatment('{}'), '4:31 offers.card.treatments: must not be empty'],
  [`${base}offers: { card: {} }`, '4:17 offers.card: "treatments" is missing'],
  [
    treatment(`{ banner: { a: ["x ${cel('channel')} ${cel('chanel')}"] } }`),
    `4:63 offers.card.treatments.banner.a.0: no fact "chanel"; did you mean "channel"?\n    x ${cel('channel')} ${cel('chanel')}\n                   ^^^^^^`,
  ],
  [
    treatment(`{ banner: { a: "${cel('channel').slice(0, -1)}" } }`),
    `4:47 offers.card.treatments.banner.a: an expression begins here, but no } ends it\n    ${cel('channel').slice(0, -1)}\n    ^^`,
  ],
  [
    treatment(`{ banner: { a: "${cel('[1]')}" } }`),
    `4:49 offers.card.treatments.banner.a: content takes text, a number or a bool, not a list\n    ${cel('[1]')}\n      ^^^`,
  ],
  [
    treatment('{ banner: { a: { b: { c: { d: {} } } } } }'),
    '4:41 offers.card.treatments.banner: nested deeper than four levels',
  ],
  [
    treatment('{ banner: 7 }'),
    '4:41 offers.card.treatments.banner: must be a map or text or a list',
  ],
  [
    treatment('{ banner: { x: .nan } }'),
    '4:41 offers.card.treatments.banner: a number must be finite',
  ],
  [
    treatment('{ banner: { constructor: 1 } }'),
    '4:41 offers.card.treatments.banner: this name is not allowed',
  ],
  [
    treatment(
      `{ banner: [${Array.from({ length: 3 }, () => `"${'x'.repeat(8_000)}"`).join(', ')}] }`,
    ),
    '4:41 offers.card.treatments.banner: content of 24010 bytes; at most 16384: refer to it by a link',
  ],
  [`playbook: a\nplaybook: b\n${place}`, '2:1 playbook: this key is here twice'],
  [`${base}facts:\n  a: &x "true"\n  b: *x\n`, '6:6 facts.b: aliases are not part of playbooks'],
  [`${base}groups: &a { g: *a }`, '4:17 groups.g: aliases are not part of playbooks'],
  [`${base}groups: { g: !!binary aa }`, '4:23 groups.g: text that begins with ! is put in quotes'],
  [
    `${base}a: b: c`,
    '4:4 Nested mappings are not allowed in compact mappings; text with ": " or quotes in it is put in quotes as a whole',
  ],
  [`${base}\tx: 1`, '4:1 Tabs are not allowed as indentation'],
  [
    `${base}---\nb: 2`,
    '4:1 Source contains multiple documents; please use YAML.parseAllDocuments()',
  ],
]

describe('a faulty playbook', () => {
  it.each(faulty.map(([text, ...faults]) => ({ text, faults })))(
    '$faults.0',
    ({ text, faults }) => {
      expect(told(text)).toEqual(faults.map((fault) => `p.yaml:${fault}`))
    },
  )

  it('is refused as a whole, with all that is wrong in the order of the file', () => {
    const text = `${base}offers:\n  b: { when: x, treatments: { banner: {} } }\nfacts: { a: y }\n`

    expect(() => compilePlaybook(text)).toThrow(PlaybookError)
    expect(faultsOf(text).map(({ path }) => path)).toEqual(['offers.b.when', 'facts.a'])
  })

  it('tells one mistake in content once, however many placements show it', () => {
    const text = `${base}  side: { channel: web, format: banner, fallback: {} }\noffers: { card: { treatments: { banner: "\${x}" } } }`

    expect(faultsOf(text)).toHaveLength(1)
  })

  it('gets its first hundred faults told', () => {
    const offers = Array.from({ length: 300 }, (_, i) => `  o${i}: { whn: x }\n`).join('')

    expect(faultsOf(`${base}offers:\n${offers}`)).toHaveLength(100)
  })
})

describe('the size of a playbook', () => {
  it('is at most 1 MiB', () => {
    const text = base + '#'.repeat(1024 * 1024)

    expect(told(text)).toEqual(['p.yaml:1:1 a playbook has at most 1048576 bytes'])
  })

  it('may be 10,000 offers', () => {
    const offers = Array.from(
      { length: 10_000 },
      (_, i) => `  o${i}: { value: ${i}, when: traits.a == "${i}", treatments: { banner: {} } }\n`,
    )
    const text = `${base}traits: { a: { type: string } }\noffers:\n${offers.join('')}`

    const playbook = compilePlaybook(text)

    expect(playbook.placements.get('hero')?.candidates).toHaveLength(10_000)
  }, 20_000)

  it('counts every offer at every placement that shows it', () => {
    const placements = Array.from(
      { length: 300 },
      (_, i) => `  p${i}: { channel: web, format: banner, fallback: {} }\n`,
    )
    const offers = Array.from(
      { length: 100 },
      (_, i) => `  o${i}: { treatments: { banner: {} } }\n`,
    )

    expect(told(`${base}${placements.join('')}offers:\n${offers.join('')}`)).toEqual([
      'p.yaml:3:3 placements: at most 20000 pairs of an offer and a placement that shows its format',
    ])
  })

  it.each([
    ['brackets', '['.repeat(20_000)],
    ['maps', Array.from({ length: 300 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['lists', '- '.repeat(20_000)],
  ])('is not taken up by nesting: %s', (_what, text) => {
    expect(faultsOf(text).map(({ message }) => message)).toContain('nested too deeply')
  })

  it('is not taken up by many keys', () => {
    const text = base + Array.from({ length: 50_000 }, (_, i) => `k${i}: 1\n`).join('')
    const started = performance.now()

    const faults = faultsOf(text)

    expect(faults).toHaveLength(100)
    // Comparing every key to every other would take about 40 s.
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})

describe('a playbook', () => {
  it('may be written as JSON', () => {
    const text = JSON.stringify({
      playbook: 'json',
      placements: { hero: { channel: 'web', format: 'banner', fallback: { title: 'Hi' } } },
    })

    expect(defaultsOf(compilePlaybook(text))).toEqual({ hero: { title: 'Hi' } })
  })

  it('lets a channel read the traits that it lists for it, and no others', () => {
    const text = `${base}traits: { tier: { type: string }, age: { type: int } }
profile: { call: [tier, age], chat: [] }`

    const { readable } = compilePlaybook(text)

    expect(readable).toEqual(
      new Map([
        ['call', new Set(['tier', 'age'])],
        ['chat', new Set()],
      ]),
    )
    expect(compilePlaybook(base).readable.size).toBe(0)
  })

  it('that says nothing more requires consent, counts days in UTC and signs for a day', () => {
    const playbook = compilePlaybook(base)

    expect(playbook.consent).toBe('required')
    expect(playbook.zone).toBe('UTC')
    expect(playbook.placements.get('hero')).toMatchObject({
      count: 1,
      tokenMs: 86_400_000,
      candidates: [],
    })
  })

  it('says of a placement whether anything there may need a grant', () => {
    const strict = 'limits: [{ on: display, max: 1, per: day, strict: true }]'
    const made = `catalogues: { shop: { fields: { kind: string } } }
offers:
  one: { from: shop, match: item.kind == "x", ${strict}, treatments: { banner: {} } }`
    const own = `offers: { one: { ${strict}, treatments: { banner: {} } } }`
    const none = 'offers: { one: { treatments: { banner: {} } } }'

    const told = [made, own, none].map(
      (rest) => compilePlaybook(`${base}${rest}`).placements.get('hero')?.isStrict,
    )

    expect(told).toEqual([true, true, false])
  })

  it('keeps constant content as it is and fills in text, numbers and bools', () => {
    const title = `at ${cel('placement')}: ${cel('1 + 1')} ${cel("channel == 'web'")} ${cel("'}'")}`
    const text = `${base}consent: { personalise: assumed }
offers:
  card: { treatments: { banner: { title: "${title}", plain: [1, { x: "}" }], list: ["${cel('2')}"] } } }`

    const [choice] = new Person(compilePlaybook(text)).decide(['hero'])

    expect(choice?.propositions[0]?.content).toEqual({
      title: 'at hero: 2 true }',
      plain: [1, { x: '}' }],
      list: ['2'],
    })
  })
})
