import type { Outcome, OutcomeRecord } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { decide } from '../../../src/core/decision/decide.ts'
import type { FragmentRecord } from '../../../src/core/fragment/evolve.ts'
import { mergeParts } from '../../../src/core/profile/merged-profile.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { ann, bob, laptop, Town } from '../identity/town.ts'
import { SplitPerson } from '../profile/split-person.ts'
import { dayMs, hourMs, minuteMs, noon, Person } from './person.ts'

/*
 * What outcomes mean, row by row of `docs/outcomes.md`: the names of the tests are its rows.
 */

const banner = 'treatments: { banner: {} }'

function playbookOf(offers: string, groups = '{}') {
  return compilePlaybook(`
playbook: outcomes
consent: { personalise: assumed }
groups: ${groups}
placements:
  hero: { channel: web, format: banner, fallback: {} }
  side: { channel: web, format: banner, fallback: {} }
  mail: { channel: email, format: banner, fallback: {} }
  call: { channel: phone, format: banner, fallback: {} }
offers:
${offers}
`)
}

const everywhere = ['hero', 'side', 'mail', 'call']

/** What a person sees of one offer `a`, after some outcomes of it. */
class Shopper {
  readonly person: Person
  private count = 0

  constructor(offer: string, groups?: string) {
    this.person = new Person(playbookOf(`  a: { ${offer}${offer && ', '}${banner} }`, groups))
  }

  /** An outcome of one decision; a new one unless named. */
  outcome(
    outcome: Outcome,
    at = noon,
    decision = `d${++this.count}`,
    more: { readonly reason?: string; readonly across?: 'group' } = {},
    placement = 'hero',
  ): OutcomeRecord {
    return { ...this.person.outcome(outcome, 'a', placement, at), decision, ...more }
  }

  fold(...records: readonly FragmentRecord[]): this {
    this.person.fold(...records)
    return this
  }

  sees(now = noon, placement = 'hero', pending: readonly FragmentRecord[] = []): boolean {
    return this.person.shown(placement, now, pending).includes('a')
  }
}

const oncePerDay = 'limits: [{ on: display, max: 1, per: day }]'
const twicePerDay = 'limits: [{ on: display, max: 2, per: day }]'

describe('displays', () => {
  it('decided, never displayed: no display is counted', () => {
    const shopper = new Shopper(oncePerDay)

    for (let i = 0; i < 5; i++) expect(shopper.sees()).toBe(true)
  })

  it('decided, never displayed: while it may still be shown it counts, and no longer', () => {
    const { person } = new Shopper(oncePerDay)
    const exposures = [{ placement: 'hero', offer: 'a' }]
    const shownWith = (given: typeof exposures) =>
      person.decide(['side'], noon, [], undefined, given)[0]?.propositions[0]?.offer

    expect([shownWith(exposures), shownWith([])]).toEqual([undefined, 'a'])
  })

  it('double impression, same decision: the first counts', () => {
    const shopper = new Shopper(twicePerDay)
    const first = shopper.outcome('display')
    const again = { ...first, id: 'later', at: noon + minuteMs }

    expect(shopper.fold(first, again).sees()).toBe(true)
    expect(shopper.sees(noon, 'hero', [{ ...again, id: 'pending' }])).toBe(true)
    expect(shopper.fold(shopper.outcome('display')).sees()).toBe(false)
  })

  it('the same content shown again after its token expired: changes nothing', () => {
    const shopper = new Shopper(twicePerDay)
    const first = shopper.outcome('display', noon - 2 * dayMs)

    shopper.fold(first, { ...first, id: 'cached', at: noon })

    expect(shopper.fold(shopper.outcome('display')).sees()).toBe(true)
  })

  it('content shown first after its token expired: counts', () => {
    const shopper = new Shopper(oncePerDay)
    const decision = '01J000000000000000000000AA' // of July 2024

    expect(shopper.fold(shopper.outcome('display', noon, decision)).sees()).toBe(false)
  })

  it.each(['click', 'accept'] as const)('%s without display: implies one at its time', (what) => {
    const shopper = new Shopper(`accepted: allow, ${oncePerDay}`)
    const early = shopper.outcome(what, noon - dayMs)

    expect(shopper.sees(noon, 'hero', [shopper.outcome(what)])).toBe(false)
    expect(shopper.fold(early).sees()).toBe(true)
    expect(shopper.fold(shopper.outcome(what)).sees()).toBe(false)
  })

  it.each([
    ['click', noon - minuteMs],
    ['click', noon + minuteMs],
    ['accept', noon + minuteMs],
  ] as const)(
    '%s without display: a display of it that comes later counts no second time',
    (what, at) => {
      const shopper = new Shopper(`accepted: allow, ${twicePerDay}`)
      const clicked = shopper.outcome(what, at, 'd')
      const shown = shopper.outcome('display', noon, 'd')

      // Features exist from here on, so that the fold keeps them.
      expect(shopper.sees()).toBe(true)
      expect(shopper.fold(clicked, shown).sees(noon + hourMs)).toBe(true)
      expect(shopper.fold(shopper.outcome('display')).sees(noon + hourMs)).toBe(false)
    },
  )

  it('click without display: counts when the earliest was, whichever came first', () => {
    for (const isPending of [false, true]) {
      const shopper = new Shopper('limits: [{ on: display, max: 1, per: 1h }]')
      shopper.fold(shopper.outcome('click', noon, 'd'))
      expect(shopper.sees(noon + minuteMs)).toBe(false)
      const late = shopper.outcome('display', noon - 50 * minuteMs, 'd')

      if (!isPending) shopper.fold(late)

      const pending = isPending ? [late] : []
      expect(shopper.sees(noon + 9 * minuteMs, 'hero', pending)).toBe(false)
      expect(shopper.sees(noon + 10 * minuteMs, 'hero', pending)).toBe(true)
    }
  })

  it('several clicks: one', () => {
    const shopper = new Shopper('limits: [{ on: click, max: 2, per: day }]')
    const click = shopper.outcome('click')

    shopper.fold(click, { ...click, id: 'c2', at: noon + 1 }, { ...click, id: 'c3', at: noon + 2 })

    expect(shopper.sees()).toBe(true)
    expect(shopper.fold(shopper.outcome('click')).sees()).toBe(false)
  })

  it('offer withdrawn between decide and display: the display counts, and the next decide leaves it out', () => {
    const groups = '{ sales: { limits: [{ on: display, max: 1, per: day, across: all }] } }'
    const shown = new Shopper('').outcome('display')
    const without = playbookOf(`  b: { group: sales, ${banner} }`, groups)

    expect(new Person(without).shown('hero')).toEqual(['b'])
    expect(new Person(without).fold(shown).shown('hero')).toEqual(['fallback'])
  })
})

describe('an acceptance', () => {
  it('holds at all placements and on all channels at once, folded or pending', () => {
    const shopper = new Shopper('')
    const accepted = shopper.outcome('accept', noon, 'd', {}, 'mail')

    for (const place of everywhere) expect(shopper.sees(noon, place, [accepted])).toBe(false)
    shopper.fold(accepted)
    for (const place of everywhere) expect(shopper.sees(noon + 4_000 * dayMs, place)).toBe(false)
  })

  it('holds after a cap, a suppression or the expiry of its token', () => {
    const shopper = new Shopper(
      'limits: [{ on: display, max: 1, per: day }, { on: dismiss, max: 1, per: lifetime, pause: 1d }]',
    )
    const [capped, paused] = [shopper.outcome('display'), shopper.outcome('dismiss')]
    const old = '01J000000000000000000000AA' // of July 2024
    expect(shopper.fold(capped, paused).sees()).toBe(false)

    shopper.fold(shopper.outcome('accept', noon, old))

    expect(shopper.sees(noon + 100 * dayMs)).toBe(false)
  })

  it('wins over an earlier rejection', () => {
    const shopper = new Shopper('accepted: allow, rejected: retire')
    shopper.fold(shopper.outcome('reject', noon - hourMs))
    expect(shopper.sees()).toBe(false)

    expect(shopper.fold(shopper.outcome('accept', noon - minuteMs)).sees()).toBe(true)
  })

  it('is not touched by a later rejection without the reason cancel', () => {
    const shopper = new Shopper('accepted: { pause: 30d }, rejected: { pause: 90d }')
    shopper.fold(shopper.outcome('accept', noon, 'd'))
    shopper.fold(shopper.outcome('reject', noon + dayMs, 'd', { reason: 'too dear' }))

    expect(shopper.sees(noon + 30 * dayMs - 1)).toBe(false)
    expect(shopper.sees(noon + 30 * dayMs)).toBe(true)
  })

  it('is over once its offer is shown again: then a rejection counts', () => {
    const shopper = new Shopper('accepted: { pause: 30d }, rejected: { pause: 90d }')
    shopper.fold(shopper.outcome('accept'), shopper.outcome('reject', noon + 31 * dayMs))

    expect(shopper.sees(noon + 121 * dayMs - 1)).toBe(false)
    expect(shopper.sees(noon + 121 * dayMs)).toBe(true)
  })

  it('is taken back by a rejection with the reason cancel: then that one’s pause holds', () => {
    const cancel = { reason: 'cancel' }
    const [reject, accept] = [noon - 2 * hourMs, noon - hourMs]
    const shopper = new Shopper('rejected: { pause: 1d }')
    shopper.fold(shopper.outcome('reject', reject, 'd'), shopper.outcome('accept', accept, 'd'))
    const cancelled = shopper.outcome('reject', noon, 'd', cancel)

    for (const pending of [[cancelled], []]) {
      if (pending.length === 0) shopper.fold(cancelled)
      expect(shopper.sees(noon + dayMs - 1, 'hero', pending)).toBe(false)
      expect(shopper.sees(noon + dayMs, 'hero', pending)).toBe(true)
    }
    const again = shopper.outcome('accept', noon + 2 * dayMs)
    expect(shopper.fold(again).sees(noon + 100 * dayMs)).toBe(false)
  })
})

describe('a rejection, a dismissal, an ignored display', () => {
  it('reject: 30 days, unless the author says otherwise', () => {
    const shopper = new Shopper('')
    shopper.fold(shopper.outcome('reject'))

    expect([30 * dayMs - 1, 30 * dayMs].map((ms) => shopper.sees(noon + ms))).toEqual([false, true])
  })

  it('dismiss: milder, as the author says', () => {
    const shopper = new Shopper('limits: [{ on: dismiss, max: 3, per: 7d, pause: 7d }]')
    const daysAgo = (days: number) => shopper.outcome('dismiss', noon - days * dayMs)

    expect(shopper.fold(daysAgo(5), daysAgo(3)).sees()).toBe(true)
    expect(shopper.fold(daysAgo(1)).sees()).toBe(false)
    expect([6 * dayMs - 1, 6 * dayMs].map((ms) => shopper.sees(noon + ms))).toEqual([false, true])
  })

  it('ignore: a limit on display with a pause', () => {
    const shopper = new Shopper('limits: [{ on: display, max: 2, per: 2d, pause: 14d }]')
    shopper.fold(shopper.outcome('display', noon - dayMs), shopper.outcome('display'))

    expect([14 * dayMs - 1, 14 * dayMs].map((ms) => shopper.sees(noon + ms))).toEqual([false, true])
  })
})

describe('an unsubscription', () => {
  const groups = '{ news: {} }'
  const consent = (shopper: Shopper, purpose: string, granted: boolean, at: number) => ({
    ...shopper.person.consent(granted, at),
    purpose,
  })

  it('keeps its offer away for ever', () => {
    const shopper = new Shopper('accepted: allow, rejected: allow')
    shopper.fold(shopper.outcome('unsubscribe'))

    expect(shopper.sees(noon + 4_000 * dayMs)).toBe(false)
  })

  it('keeps its group away for ever, where it says so', () => {
    const offers = `  a: { group: news, ${banner} }\n  b: { group: news, ${banner} }\n  c: { ${banner} }`
    for (const [more, shown] of [
      [{}, 'b'],
      [{ across: 'group' as const }, 'c'],
    ] as const) {
      const person = new Person(playbookOf(offers, groups))
      person.fold({ ...person.outcome('unsubscribe', 'a', 'hero'), ...more })

      expect(person.shown('hero', noon + 4_000 * dayMs)).toEqual([shown])
    }
  })

  it.each([
    ['its offer', 'a', {}],
    ['its group', 'news', {}],
    ['its group, of which it was', 'news', { across: 'group' as const }],
  ])('is reversed by a later consent to the purpose named like %s', (_whose, purpose, more) => {
    const shopper = new Shopper('group: news', groups)
    const before = consent(shopper, purpose, true, noon - minuteMs)
    shopper.fold(before, shopper.outcome('unsubscribe', noon, 'd', more))
    expect(shopper.sees()).toBe(false)
    const refused = consent(shopper, purpose, false, noon + 1)
    expect(shopper.fold(refused).sees(noon + minuteMs)).toBe(false)

    expect(shopper.fold(consent(shopper, purpose, true, noon + 2)).sees(noon + minuteMs)).toBe(true)
    const again = shopper.outcome('unsubscribe', noon + 3, 'd2', more)
    expect(shopper.fold(again).sees(noon + minuteMs)).toBe(false)
  })

  it('of a group is not reversed by a consent to one offer', () => {
    const shopper = new Shopper('group: news', groups)
    shopper.fold(shopper.outcome('unsubscribe', noon, 'd', { across: 'group' }))

    expect(shopper.fold(consent(shopper, 'a', true, noon + 1)).sees(noon + minuteMs)).toBe(false)
  })

  it('wins over an acceptance, which wins over a rejection, whatever came last', () => {
    const outcomes = ['unsubscribe', 'accept', 'reject'] as const
    for (const order of [outcomes, outcomes.toReversed()]) {
      const shopper = new Shopper('accepted: allow, rejected: retire')
      const records = order.map((one, i) => shopper.outcome(one, noon + i, 'd'))
      expect(shopper.fold(...records).sees(noon + dayMs)).toBe(false)
      const others = new Shopper('accepted: { pause: 1d }, rejected: retire')
      others.fold(
        ...records.filter((one) => one.kind === 'outcome' && one.outcome !== 'unsubscribe'),
      )
      expect(others.sees(noon + dayMs + minuteMs)).toBe(true)
    }
  })
})

describe('time', () => {
  it('an outcome before its display: each counts at its own time, in whatever order they come', () => {
    const shopper = new Shopper(
      'accepted: { pause: 1d }, limits: [{ on: display, max: 1, per: 2d }]',
    )
    const shown = shopper.outcome('display', noon - hourMs, 'd')
    shopper.fold(shopper.outcome('accept', noon, 'd'), shown)

    expect(shopper.sees(noon + dayMs)).toBe(false)
    expect(shopper.sees(noon + 2 * dayMs - hourMs)).toBe(true)
  })

  it('an outcome late by weeks: counts when it was, and an acceptance for ever', () => {
    const limit = 'limits: [{ on: display, max: 1, per: 7d }]'
    const shopper = new Shopper(limit)
    const [old, late] = [29, 6].map((days) => shopper.outcome('display', noon - days * dayMs))
    if (old === undefined || late === undefined) throw new RangeError('two')

    expect(shopper.fold(old).sees()).toBe(true)
    expect(shopper.fold(late).sees()).toBe(false)
    const accepting = new Shopper('')
    accepting.fold(accepting.outcome('accept', noon - 29 * dayMs))
    expect(accepting.sees()).toBe(false)
  })

  it('a time in the future: that of the log counts', () => {
    const shopper = new Shopper('limits: [{ on: display, max: 1, per: 1h }]')
    const ahead = shopper.outcome('display', noon + 10 * dayMs)
    shopper.person.foldAt(noon, ahead)

    expect(shopper.sees(noon + hourMs - 1)).toBe(false)
    expect(shopper.sees(noon + hourMs)).toBe(true)
    expect(shopper.sees(noon + 10 * dayMs)).toBe(true)
  })

  it('calendar windows: the visitor’s zone, else the playbook’s, else UTC, computed in the zone', () => {
    // The night of 30 March 2025: clocks go forward in London at 1 o'clock.
    const shownAt = Date.UTC(2025, 2, 30, 0, 30)
    const nextDay = Date.UTC(2025, 2, 30, 23)
    const shopper = new Shopper(oncePerDay)
    shopper.fold(shopper.outcome('display', shownAt))
    const inLondon = shopper.person.traits({ zone: 'Europe/London' }, shownAt - 30 * dayMs)

    expect([nextDay - 1, nextDay].map((now) => shopper.sees(now))).toEqual([false, false])
    shopper.fold(inLondon)
    expect([nextDay - 1, nextDay].map((now) => shopper.sees(now))).toEqual([false, true])
  })
})

describe('a change of zone', () => {
  it('begins no new period before the present one has ended in both', () => {
    const shownAt = Date.UTC(2025, 5, 18, 10)
    const shopper = new Shopper(oncePerDay)
    const zone = (name: string, at: number) => shopper.person.traits({ zone: name }, at)
    shopper.fold(zone('America/New_York', shownAt - dayMs), shopper.outcome('display', shownAt))

    shopper.fold(zone('Asia/Tokyo', shownAt + hourMs))

    // Midnight in Tokyo is at 15:00 UTC, in New York at 4:00 of the next day.
    const ends = [Date.UTC(2025, 5, 18, 15), Date.UTC(2025, 5, 19, 4) - 1, Date.UTC(2025, 5, 19, 4)]
    expect(ends.map((now) => shopper.sees(now))).toEqual([false, false, true])
  })
})

describe('limits', () => {
  it('per-channel caps: everything on the channel counts, and nothing elsewhere', () => {
    const shopper = new Shopper('limits: [{ on: display, max: 1, per: day, across: channel }]')
    shopper.fold(shopper.outcome('display', noon, 'd', {}, 'side'))

    expect(everywhere.map((place) => shopper.sees(noon, place))).toEqual([false, false, true, true])
  })

  it('contact pressure: everything everywhere counts', () => {
    const shopper = new Shopper('limits: [{ on: display, max: 1, per: day, across: all }]')
    const other = { ...shopper.outcome('display', noon, 'd', {}, 'mail'), offer: 'another' }

    expect(shopper.fold(other).sees()).toBe(false)
  })

  it('cap conflicts: all must allow it', () => {
    const shopper = new Shopper(
      'limits: [{ on: display, max: 1, per: 1h }, { on: display, max: 2, per: 2h }]',
    )
    shopper.fold(shopper.outcome('display', noon - 90 * minuteMs), shopper.outcome('display'))

    const ends = [30 * minuteMs - 1, 30 * minuteMs, hourMs]
    expect(ends.map((ms) => shopper.sees(noon + ms))).toEqual([false, false, true])
  })
})

describe('several identifiers', () => {
  const calendar = new ZoneCalendar()
  const limited = playbookOf(
    `  a: { accepted: { pause: 30d }, rejected: { pause: 90d }, ${twicePerDay}, ${banner} }`,
  )

  function sees(town: Town, who: typeof ann): boolean {
    const { profile } = town.seen(who)
    const hero = limited.placements.get('hero')
    const placements = hero ? [hero] : []
    const request = { placements, now: town.now, exposures: [] }
    const [choice] = decide(profile, request, limited, calendar)
    return choice?.propositions[0]?.offer === 'a'
  }

  it('anonymous, then known: what both did counts together, each once, however often they merge', () => {
    const town = new Town(limited.features)
    const display = (key: typeof ann) => ({ ...town.display(key), offer: 'a' })
    const onLaptop = display(laptop)
    town.tell(onLaptop, onLaptop)
    town.settle()
    expect(sees(town, laptop)).toBe(true)
    town.tell(display(ann))
    town.settle()
    expect([sees(town, laptop), sees(town, ann)]).toEqual([true, true])

    for (let i = 0; i < 2; i++) town.tell(town.login(laptop, ann))
    town.settle()

    expect([sees(town, laptop), sees(town, ann)]).toEqual([false, false])
  })

  it('anonymous, then known: an acceptance of either side wins over a rejection of the other', () => {
    for (const accepting of [0, 1]) {
      const person = new SplitPerson(2)
      const shopper = new Shopper('')
      person.take(shopper.outcome('accept'), accepting)
      person.take(shopper.outcome('reject', noon + 1), 1 - accepting)

      const { features, ...rest } = mergeParts(person.parts(limited.features), limited.features)
      const hero = limited.placements.get('hero')
      const shownAt = (now: number) =>
        decide(
          { ...rest, features },
          { placements: hero ? [hero] : [], now, exposures: [] },
          limited,
          calendar,
        )[0]?.propositions[0]?.offer
      expect([30 * dayMs - 1, 30 * dayMs].map((ms) => shownAt(noon + ms))).toEqual([undefined, 'a'])
    }
  })

  it('shared device: after a logout the device is nobody’s, and what is known of its owner stays theirs', () => {
    const town = new Town(limited.features)
    town.tell(town.login(laptop, ann))
    town.tell({ ...town.display(ann), offer: 'a' }, { ...town.display(ann), offer: 'a' })
    town.settle()
    expect([sees(town, laptop), sees(town, ann)]).toEqual([false, false])

    town.tell(town.logout(laptop))
    town.tell(town.login(laptop, bob))
    town.settle()

    expect([sees(town, laptop), sees(town, bob), sees(town, ann)]).toEqual([true, true, false])
  })
})
