import { type ChannelRecord, type Identifier, parseIdentifier } from '@halfsecond/protocol'
import { describe, expect, test } from 'vitest'
import type { Profile } from '../../../src/core/decision/decide.ts'
import { decide } from '../../../src/core/decision/decide.ts'
import { sessionGapMs } from '../../../src/core/features/sessions.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { ann, bob, laptop, phone, Town } from './town.ts'

/*
 * Acceptance of recognition, as far as the fold and the merging of fragments answer for it. The
 * numbers are those of the list of cases; which the decides of nodes answer for is tested there.
 */

const playbook = compilePlaybook(`
playbook: town
consent: { personalise: assumed }
events:
  page: {}
placements:
  hero: { channel: web, format: banner, fallback: { text: fallback } }
offers:
  card:
    limits: [{ on: display, max: 3, per: lifetime }]
    treatments: { banner: { text: card } }
`)
const calendar = new ZoneCalendar()
const longAfter = 2 * sessionGapMs

function town(seed?: number): Town {
  return new Town(playbook.features, seed)
}

function contentOf(profile: Profile, now: number): unknown {
  const placement = playbook.placements.get('hero')
  if (placement === undefined) throw new Error('the playbook has that placement')
  const [choice] = decide(
    profile,
    { placements: [placement], now, exposures: [] },
    playbook,
    calendar,
  )
  return choice?.reason === 'rules' ? 'card' : choice?.reason
}

test('ID-1 a hundred first hits of one cookie at once are one profile', () => {
  const here = town()

  const hits = Array.from({ length: 100 }, () => here.event(laptop, here.now))
  for (const hit of hits) here.tell(hit)
  here.settle()

  expect(here.seen(laptop).members).toEqual([laptop])
  expect(here.own(laptop)).toHaveLength(100)
})

test('ID-2 a login keeps what was known before it', () => {
  const here = town()

  here.tell(here.traits(laptop, { size: 'M' }))
  here.tell(here.event(laptop))
  here.tell(here.login(laptop, ann))
  here.settle()

  expect(here.seen(laptop).root).toBe(ann)
  expect(here.trait(ann, 'size')).toBe('M')
  expect(here.timeline(ann)).toEqual(['r1'])
})

test('ID-3 a second device with the same login is merged: events and caps sum, nothing is lost', () => {
  const here = town()
  for (const device of [laptop, phone]) here.tell(here.event(device), here.display(device))
  here.tell(here.login(laptop, ann))
  here.settle()
  const before = contentOf(here.seen(ann).profile, here.now)

  here.tell(here.display(laptop))
  here.tell(here.login(phone, ann))
  here.settle()

  expect(here.seen(phone).members).toEqual([phone, laptop, ann].sort())
  expect(here.timeline(ann)).toHaveLength(5)
  expect(before).toBe('card')
  expect(contentOf(here.seen(ann).profile, here.now)).toBe('fallback')
})

test('ID-4 A and then B on one browser are two persons, without a shared trait', () => {
  const here = town()
  here.tell(here.traits(laptop, { size: 'M' }))
  here.tell(here.login(laptop, ann))
  here.settle()

  here.tell(here.login(laptop, bob))
  here.tell(here.traits(laptop, { size: 'XL' }))
  here.settle()

  expect(here.trait(ann, 'size')).toBe('M')
  expect(here.trait(bob, 'size')).toBe('XL')
  expect(here.seen(laptop).root).toBe(bob)
  const both = here.seen(ann).members.filter((id) => here.seen(bob).members.includes(id))
  expect(both).toEqual([])
})

test('ID-5 what the device does after A and B, long after, is neither of them', () => {
  const here = town()
  here.tell(here.login(laptop, ann))
  here.tell(here.login(laptop, bob))
  here.wait(longAfter)

  here.tell(here.event(laptop))
  here.settle()

  const { root, members } = here.seen(laptop)
  expect([...here.seen(ann).members, ...here.seen(bob).members]).not.toContain(root)
  expect(members).toHaveLength(1)
  expect(here.own(root)).toEqual(['r2'])
})

test('ID-6 what A claimed is not given to B who logs in later', () => {
  const here = town()
  here.tell(here.event(laptop))
  here.tell(here.login(laptop, ann))
  here.tell(here.event(laptop))

  here.tell(here.login(laptop, bob))
  here.settle()

  expect(here.timeline(ann)).toEqual(['r0', 'r2'])
  expect(here.timeline(bob)).toEqual([])
})

test('ID-7 whoever logs out and in again is back in the own profile', () => {
  const here = town()
  here.tell(here.event(laptop))
  here.tell(here.login(laptop, ann))
  here.tell(here.logout(laptop))
  here.settle()
  const between = here.seen(laptop).root

  here.tell(here.login(laptop, ann))
  here.tell(here.event(laptop))
  here.settle()

  expect(between).not.toBe(ann)
  expect(here.seen(laptop).root).toBe(ann)
  expect(here.timeline(ann)).toContain('r0')
  expect(here.timeline(ann)).toContain('r4')
})

test('ID-8 an address that everybody gives merges nobody', () => {
  const here = town()
  const shared = parseIdentifier('email:info@shop.example')
  const users = Array.from({ length: 300 }, (_, i) => parseIdentifier(`user:u${i}`))

  for (const user of users) here.tell(here.link(shared, user))
  here.settle()

  for (const user of users) {
    const others = here.seen(user).members.filter((id) => id !== user && id !== shared)
    expect(others).toEqual([])
  }
})

test('ID-9 browsers that log in as one user at once end in one profile', () => {
  const here = town()
  const browsers = Array.from({ length: 250 }, (_, i) => parseIdentifier(`anon:b${i}`))

  for (const browser of browsers) here.tell(here.event(browser), here.login(browser, ann))
  here.settle()

  expect(here.seen(ann).members).toHaveLength(browsers.length + 1)
  expect(here.timeline(ann)).toHaveLength(browsers.length)
})

test.each([1, 2, 3, 4, 5])(
  'ID-10 a merge while both sides are written to loses nothing (%i)',
  (seed) => {
    const here = town(seed)
    const { world } = here

    for (let i = 0; i < 40; i++) {
      here.tell(here.event(laptop))
      here.tell(here.event(phone))
      if (i === 10) here.tell(here.link(laptop, phone))
      if (i === 20) here.tell(here.login(phone, ann))
      world.apply({ kind: 'fold', shard: i % 4, count: 3 })
      world.apply({ kind: 'publish', which: i })
      world.apply({ kind: 'again', which: 7 * i })
      if (i % 3 === 0) world.apply({ kind: 'confirm', which: i })
    }
    here.settle()

    expect(here.seen(laptop).root).toBe(ann)
    expect(new Set(here.timeline(ann)).size).toBe(80)
    expect(here.timeline(ann)).toHaveLength(80)
  },
)

describe('unmerge', () => {
  const crm = parseIdentifier('crm:7')

  /** The same log with and without the link: another record stands in its place. */
  function life(isMerged: boolean): Town {
    const here = town()
    const word = (record: ChannelRecord): ChannelRecord => {
      const { id, at } = record
      return isMerged ? record : { kind: 'traits', id, key: bob, at, set: {}, unset: ['filler'] }
    }
    here.tell(here.event(crm))
    here.tell(here.traits(ann, { size: 'M' }))
    here.tell(word(here.link(crm, ann)))
    here.settle()
    here.tell(here.event(crm), here.event(crm))
    here.tell(here.event(ann))
    here.settle()
    expect(here.seen(crm).root).toBe(isMerged ? ann : crm)
    here.tell(word(here.unlink(crm, ann)))
    here.settle()
    return here
  }

  test('ID-11 gives back both sides as if they had never been one', () => {
    const merged = life(true)
    const never = life(false)

    for (const id of [crm, ann]) {
      const one = merged.world.fragment(id)
      const other = never.world.fragment(id)
      const bytes = (here: Town) =>
        here.world.fragment(id)?.open.bytes(here.world.replicaOf(id).arena)
      expect(bytes(merged)).toEqual(bytes(never))
      expect(one?.traits).toEqual(other?.traits)
      expect(one?.consents).toEqual(other?.consents)
      expect(one?.lead).toBe(other?.lead)
      const { links, below, told, members } = one?.ties ?? {}
      for (const rest of [links, below, told, members]) expect(rest?.size ?? 0).toBe(0)
      expect(merged.seen(id).profile.features).toEqual(never.seen(id).profile.features)
      expect(merged.seen(id).members).toEqual([id])
    }
  })

  test('ID-12 leaves what came after the merge with the identifier that brought it', () => {
    const here = life(true)

    expect(here.timeline(crm)).toEqual(['r0', 'r3', 'r4'])
    expect(here.timeline(ann)).toEqual(['r5'])
  })
})

test.each([
  ['the lower', laptop, ann],
  ['the upper', ann, laptop],
] as const)(
  'ID-13 a consent that %s side refuses is refused after the merge',
  (_, refusing, other) => {
    const here = town()
    here.tell(here.consent(refusing, false))
    here.wait(longAfter)
    here.tell(here.consent(other, true))
    const granted = contentOf(here.seen(other).profile, here.now)

    here.tell(here.login(laptop, ann))
    here.settle()

    expect(granted).toBe('card')
    expect(contentOf(here.seen(ann).profile, here.now)).toBe('consent')
  },
)

test('ID-15 what comes late lands with whoever had the device at its time', () => {
  const here = town()
  here.tell(here.login(laptop, ann))
  const then = here.now
  here.wait(60_000)
  here.tell(here.login(laptop, bob))

  here.tell(here.event(laptop, then))
  here.settle()

  expect(here.timeline(ann)).toEqual(['r2'])
  expect(here.timeline(bob)).toEqual([])
})

test('an erase of one owner of a device leaves what it did with the others', () => {
  const here = town()
  here.tell(here.event(laptop), here.login(laptop, ann))
  here.tell(here.login(laptop, bob), here.event(laptop))
  here.settle()

  here.tell({ ...here.erase(laptop), epoch: 0 })
  here.settle()

  expect(here.own(laptop)).toEqual([])
  expect(here.seen(ann).members).toEqual([ann])
  expect(here.timeline(bob)).toEqual(['r3'])
})

describe('ID-18 a primary that dies between two steps of a merge', () => {
  /** How many steps of the merge were done before it died. */
  const moments = Array.from({ length: 14 }, (_, done) => done)

  test.each(moments)('leaves one outcome, where %i steps were done', (done) => {
    for (const by of ['log', 'rows'] as const) {
      const here = town()
      const { world } = here
      here.tell(here.event(laptop), here.link(laptop, phone))
      here.tell(here.event(phone), here.login(phone, ann))
      for (let i = 0; i < done; i++) {
        if (i % 3 === 0) world.foldAll()
        else world.apply({ kind: i % 3 === 1 ? 'publish' : 'confirm', which: 0 })
      }

      for (const shard of [0, 1, 2, 3]) world.apply({ kind: 'restart', shard, by })
      for (const replica of world.replicas) replica.features = playbook.features
      here.settle()

      expect(here.seen(laptop).members).toEqual([laptop, phone, ann].sort())
      expect(here.timeline(ann)).toEqual(['r0', 'r2'])
      expect(heldCopies(here, phone)).toEqual([ann])
    }
  })
})

/** Whose home holds a copy of it. */
function heldCopies(here: Town, id: Identifier): string[] {
  return here.world.replicas
    .flatMap(({ fragments }) => [...fragments.values()])
    .filter(({ ties }) => [...(ties?.below.values() ?? [])].some(({ copies }) => copies.has(id)))
    .map(({ identifier }) => identifier)
}

test('ID-8 an address that more than one person proves to have joins nobody from then on', () => {
  const here = town()
  const everybodys = parseIdentifier('email:info@shop.example')
  const devices = Array.from({ length: 80 }, (_, i) => parseIdentifier(`anon:shared-${i}`))

  for (const device of devices) {
    here.tell(here.link(device, everybodys))
    here.settle()
  }

  expect(here.seen(everybodys).members).toEqual([everybodys])
  for (const device of devices) expect(here.seen(device).members).toEqual([device])
})
