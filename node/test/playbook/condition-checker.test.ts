import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'
import { faultsOf, told } from './faults-of.ts'

const head = `playbook: shop
events:
  page: { path: string, seconds: int, tags: list(string) }
traits:
  tier: { type: string, default: none }
  age: { type: int }
  vip: { type: bool }
  likes: { type: list(string) }
placements:
  hero: { channel: web, format: banner, fallback: { title: Hello } }
facts:
  f: `
const line = 12
const column = 6

const onlyTheEvent = 'a condition on an event reads that event only, so that its counts stay exact'
const needsWindow = 'the second argument is a window like "30m" or "14d"'
const needsExists = 'recent(…) is followed by .exists(v, condition)'
const nested = 'one exists or all inside another is not supported: declare a fact'

/** Condition, message, and what of the condition is pointed at. */
const faulty: readonly (readonly [string, string, string])[] = [
  // Names
  ['tier == "a"', 'no fact "tier"; did you mean "traits.tier"?', 'tier'],
  ['traits.teir == "a"', 'no trait "teir"; did you mean "tier"?', 'traits.teir'],
  ['chanel == "web"', 'no fact "chanel"; did you mean "channel"?', 'chanel'],
  ['zebra', 'no fact "zebra"', 'zebra'],
  ['trait.tier == "a"', '"trait" has no fields; did you mean "traits"?', 'trait'],
  ['cont("page", "1d") > 1', 'no function "cont"; did you mean "count"?', 'cont("page", "1d")'],
  [
    'traits.tier.startWith("a")',
    'no method "startWith"; did you mean "startsWith"?',
    'traits.tier.startWith("a")',
  ],
  ['traits.tier.matches("a+")', 'no method "matches"', 'traits.tier.matches("a+")'],
  ['traits.likes.map(l, l)', 'no method "map"', 'traits.likes.map(l, l)'],
  ['dyn(1) == 1', 'no function "dyn"', 'dyn(1)'],
  // Types
  ['traits.tier', 'this is a string; a bool is needed here', 'traits.tier'],
  ['traits.age == "a"', 'this is a string, but it is compared to a number', '"a"'],
  ['traits.vip && traits.age', 'this is a number; a bool is needed here', 'traits.age'],
  ['-traits.vip == 1', 'this is a bool; a number is needed here', 'traits.vip'],
  ['traits.age + "x" == 1', 'this is a string; a number is needed here', '"x"'],
  ['traits.tier + 1 == ""', 'this is a number; a string is needed here', '1'],
  ['traits.vip + 1 == 2', 'this is a bool; a number is needed here', 'traits.vip'],
  ['traits.vip < true', 'bools have no order', 'traits.vip'],
  ['traits.likes == traits.likes', 'lists are not compared: use in, exists or all', 'traits.likes'],
  [
    'traits.age in traits.likes',
    'this is a list of strings; a list of numbers is needed here',
    'traits.likes',
  ],
  ['traits.age in [1, "a"]', 'this is a string; a number is needed here', '"a"'],
  ['traits.age in []', 'an empty list contains nothing', '[]'],
  ['traits.age in [true]', 'lists hold strings or numbers, this is a bool', 'true'],
  ['traits.vip?1:"a"', 'this is a string; a number is needed here', '"a"'],
  ['size(traits.age) > 1', 'size is of a text or a list, this is a number', 'traits.age'],
  ['null == null', 'conditions know text, numbers and bools', 'null'],
  ['traits.age == 1u', 'conditions know text, numbers and bools', '1u'],
  ['traits.likes.exists(l, l == 1)', 'this is a number, but it is compared to a string', '1'],
  [
    'traits.age.exists(l, true)',
    'exists is for lists and recent(…), this is a number',
    'traits.age',
  ],
  ['traits["tier"] == ""', '"[]" is not part of conditions', 'traits["tier"]'],
  // Arguments
  ['traits.tier.startsWith()', 'startsWith(…) takes one text', 'traits.tier.startsWith()'],
  [
    'traits.tier.endsWith("a", "b")',
    'endsWith(…) takes one text',
    'traits.tier.endsWith("a", "b")',
  ],
  ['size(traits.tier, 1) > 0', 'size(…) takes a text or a list', 'size(traits.tier, 1)'],
  ['has(traits)', 'has(…) takes a trait or a property, like has(traits.tier)', 'has(traits)'],
  [
    'traits.likes.exists(l)',
    'exists(v, condition) names a variable first',
    'traits.likes.exists(l)',
  ],
  [
    'traits.likes.exists(l, true, l)',
    'exists(v, condition) names a variable first',
    'traits.likes.exists(l, true, l)',
  ],
  // Events
  ['count("pag", "1d") > 1', 'no event "pag"; did you mean "page"?', '"pag"'],
  ['count("page", "1x") > 1', needsWindow, '"1x"'],
  ['count("page") > 1', needsWindow, 'count("page")'],
  [
    'count("page", "1d", "x") > 1',
    'what can follow here is v, condition: events for which it holds',
    '"x"',
  ],
  [
    'count(traits.tier, "1d") > 1',
    'the first argument is the name of an event, in quotes',
    'traits.tier',
  ],
  ['count("page", "1d") > 1024', 'counts are exact up to 1024', '1024'],
  ['recent("page", "1d")', needsExists, 'recent("page", "1d")'],
  ['recent("page", "1d").all(p, true)', needsExists, 'recent("page", "1d").all(p, true)'],
  [
    'recent("page", "1d").exists(p, p.pth == "")',
    'event "page" has no property "pth"; did you mean "path"?',
    'p.pth',
  ],
  [
    'recent("page", "1d").exists(p, p)',
    'p is a page event: read one of its properties, like p.…',
    'p',
  ],
  ['recent("page", "1d").exists(p, p.path == traits.tier)', onlyTheEvent, 'traits.tier'],
  ['recent("page", "1d").exists(p, p.path == channel)', onlyTheEvent, 'channel'],
  ['recent("page", "1d").exists(p, f)', onlyTheEvent, 'f'],
  ['recent("page", "1d").exists(p, count("page", "1d") > 1)', onlyTheEvent, 'count("page", "1d")'],
  [
    'recent("page", "1d").exists(p, p.tags.exists(t, t == ""))',
    nested,
    'p.tags.exists(t, t == "")',
  ],
  ['traits.likes.exists(l, traits.likes.all(m, true))', nested, 'traits.likes.all(m, true)'],
  // Functions of events
  [
    'sum("page", "secnds", "1d") > 1',
    'event "page" has no property "secnds"; did you mean "seconds"?',
    '"secnds"',
  ],
  ['sum("page", "path", "1d") > 1', 'sum is of numbers; path is a string', '"path"'],
  [
    'distinct("page", "tags", "1d") > 1',
    'distinct is of text or numbers; tags is a list of strings',
    '"tags"',
  ],
  [
    'min("page", "seconds") > 1',
    'the third argument is a window like "30m" or "14d"',
    'min("page", "seconds")',
  ],
  ['distinct("page", "path", "1d") > 256', 'counts are exact up to 256', '256'],
  ['max(traits.tier) > 1', 'the first argument is the name of an event, in quotes', 'traits.tier'],
  [
    'sum("page", traits.tier, "1d") > 1',
    'the second argument is a property of "page", in quotes',
    'traits.tier',
  ],
  [
    'affinity("page", "path", traits.tier, "7d") > 1',
    'the third argument is a string as a constant: what is liked',
    'traits.tier',
  ],
  [
    'affinity("page", "seconds", "a", "7d") > 1',
    'the third argument is a number as a constant: what is liked',
    '"a"',
  ],
  [
    'affinity("page", "path", "/", "x") > 1',
    'the fourth argument is a half-life like "30m" or "14d"',
    '"x"',
  ],
  [
    'latest("page", "tags") == ""',
    'latest is of text or numbers; tags is a list of strings',
    '"tags"',
  ],
  [
    'favourite("page", "seconds", "7d") == ""',
    'a favourite is a text; seconds is a number',
    '"seconds"',
  ],
  [
    'count("page", "1d", p, p.pth == "") > 1',
    'event "page" has no property "pth"; did you mean "path"?',
    'p.pth',
  ],
  ['count("page", "1d", p, p.path == channel) > 1', onlyTheEvent, 'channel'],
  ['traits.likes.exists(l, count("page", "1d", p, p.path == l) > 1)', nested, 'p'],
  [
    'sequence("1d", "page")',
    'after the window come step("event"), step("event"), …, then without("event")',
    '"page"',
  ],
  [
    'sequence("1d", without("page"), step("page"))',
    'after the window come step("event"), step("event"), …, then without("event")',
    'step("page")',
  ],
  [
    'sequence("1d", without("page"))',
    'a sequence has 1 to 8 steps, like step("cart_added")',
    'sequence("1d", without("page"))',
  ],
  ['sequence(step("page"))', 'the first argument is a window like "30m" or "14d"', 'step("page")'],
  ['sequence("1d", step("pag"))', 'no event "pag"; did you mean "page"?', '"pag"'],
  ['sequence("1d", step("page", 65))', 'a step is 1 to 64 events', 'step("page", 65)'],
  ['step("page")', 'no function "step"', 'step("page")'],
  ['current("page") == "page"', 'this is a string, but it is compared to a bool', '"page"'],
  ['event.name == "pag"', 'no event "pag"; did you mean "page"?', '"pag"'],
  ['("pag") == event.name', 'no event "pag"; did you mean "page"?', '"pag"'],
  ['event.path == ""', 'event has name, no "path"', 'event.path'],
  ['session.length > 1', 'session has events and minutes, no "length"', 'session.length'],
  ['stage("7d", "30d") == "lost"', 'a stage is one of new, active, lapsed', '"lost"'],
  ['stage("7d") == "new"', needsWindow, 'stage("7d")'],
  // Grammar
  ['traits.age = 3', 'unexpected character: =', '='],
  ['traits.age ==', 'something is missing at the end', ''],
  ['(traits.vip', 'expected ), got the end', ''],
]

describe('a faulty condition', () => {
  it.each(faulty)('%s: %s', (condition, message, pointedAt) => {
    const [fault, ...more] = faultsOf(head + condition)

    expect(more).toEqual([])
    expect(fault?.path).toBe('facts.f')
    expect(fault?.message).toBe(message)
    expect(fault?.line).toBe(line)
    const start = (fault?.column ?? 0) - column
    expect(condition.slice(start, start + pointedAt.length)).toBe(pointedAt)
    expect(fault?.excerpt?.text).toBe(condition)
    expect(fault?.excerpt?.start).toBe(start)
    if (pointedAt !== '') expect(fault?.excerpt?.end).toBe(start + pointedAt.length)
  })

  it('is shown with carets below the place', () => {
    expect(told(`${head}traits.vip && traits.teir == ""`)).toEqual([
      [
        'p.yaml:12:20 facts.f: no trait "teir"; did you mean "tier"?',
        '    traits.vip && traits.teir == ""',
        '                  ^^^^^^^^^^^',
      ].join('\n'),
    ])
  })

  it('is found inside quotes where it stands in the file', () => {
    const [fault] = faultsOf(`${head}"traits.vip && vap"`)

    expect([fault?.line, fault?.column]).toEqual([12, 21])
  })

  it('in a block of several lines shows the line that it stands on', () => {
    const text = `${head}|\n    traits.vip &&\n    traits.teir == ""\n`

    expect(told(text)).toEqual([
      [
        'p.yaml:12:6 facts.f: no trait "teir"; did you mean "tier"?',
        '    traits.teir == ""',
        '    ^^^^^^^^^^^',
      ].join('\n'),
    ])
  })

  it('longer than 128 nodes is refused, so that no condition is expensive', () => {
    const terms = (count: number) => Array.from({ length: count }, () => 'traits.vip').join(' || ')

    expect(faultsOf(head + terms(30))).toEqual([])
    expect(faultsOf(head + terms(100)).map(({ message }) => message)).toEqual([
      'exceeded maxAstNodes (128)',
    ])
  })
})

describe('a condition', () => {
  it.each([
    'traits.vip',
    'has(traits.age) && !has(traits.vip)',
    'traits.age in [1, 2.5, 3]',
    'traits.tier in traits.likes',
    'traits.tier + "x" == "nonex" && size(traits.tier) < 3 || traits.likes.size() == 2',
    'traits.likes.exists(l, l.startsWith(traits.tier) || l == channel)',
    'traits.likes.all(l, l.contains("a"))',
    'recent("page", "2w").exists(p, p.path.endsWith(".html") && p.seconds > 3 && "a" in p.tags)',
    'recent("page", "90s").exists(traits, traits.path == "")',
    'count("page", "30m") >= 1024 || count("page", "30m") > count("page", "1d")',
    '(traits.vip?traits.age:3) % 2 == 1',
    'placement == "hero" && -traits.age < 0',
    'sum("page", "seconds", "1d", p, p.path == "a") > max("page", "seconds", "1h")',
    'sequence("7d", step("page", 3, "10m", p, p.seconds > 3), step("page"), without("page", "1h"))',
    'affinity("page", "path", "/sale", "7d") > 0.5 && distinct("page", "path", "1d") < traits.age',
    'current("page", p, p.path == "/sale") || event.name != "page"',
    'session.events > 3 && session.minutes < 5 || stage("7d", "30d") == "lapsed"',
    'now.hour >= 18 && now.weekday in [6, 7]',
  ])('may say %s', (condition) => {
    expect(told(head + condition)).toEqual([])
  })
})

describe('what a condition costs', () => {
  const many = (count: number) =>
    Array.from({ length: count }, () => 'count("page", "1d") > count("page", "1h")').join(' || ')

  it('is bounded, whatever visitors did, and the message points at the dearest part', () => {
    const condition = `traits.vip || traits.likes.exists(l, ${Array.from({ length: 18 }, () => 'l == "a"').join(' || ')})`
    const [fault] = faultsOf(head + condition)

    expect(faultsOf(head + many(10))).toEqual([])
    expect(fault?.message).toBe(
      'too expensive: this condition may cost 7104 units, at most 5000 are allowed; this part alone costs 7029. Ask for less, or declare parts as facts',
    )
    expect(fault?.column).toBe(column + 'traits.vip || '.length)
  })
})

describe('the memory of a count', () => {
  const capacities = (condition: string) =>
    compilePlaybook(head + condition).features.features.map(({ capacity }) => capacity)

  it.each([
    ['count("page", "1d") >= 3', 3],
    ['count("page", "1d") < 3', 3],
    ['count("page", "1d") > 3', 4],
    ['count("page", "1d") <= 3', 4],
    ['count("page", "1d") == 3', 4],
    ['count("page", "1d") != 3', 4],
    ['3 <= count("page", "1d")', 3],
    ['3 == count("page", "1d")', 4],
    ['count("page", "1d") >= 2.5', 3],
    ['count("page", "1d") >= 0', 1],
    ['count("page", "1d") > count("page", "1h")', 1024],
    ['count("page", "1d") + 1 > 3', 1024],
    ['count("page", "1d") > traits.age', 1024],
    ['count("page", "1d") >= 3 || count("page", "2d") >= 7', 7],
    ['recent("page", "1d").exists(p, true)', 1],
    ['count("page", "1d", p, p.seconds > 3) > 3', 4],
    ['distinct("page", "path", "1d") >= 3', 3],
    ['distinct("page", "path", "1d") + 1 >= 3', 256],
    ['session.events >= 3', 3],
    ['sum("page", "seconds", "1d") >= 3', 256],
    ['sum("page", "seconds", "1d") > min("page", "seconds", "9d")', 256],
    ['affinity("page", "path", "/", "1d") >= 3', 1],
  ])('%s: the newest %i', (condition, capacity) => {
    expect(capacities(condition)).toEqual([capacity])
  })

  it('is shared by equal questions, however their variable is called', () => {
    const twice =
      'recent("page", "1d").exists(p, p.path == "a") || recent("page", "2d").exists(q, q.path == "a")'

    expect(capacities(twice)).toEqual([1])
  })
})
