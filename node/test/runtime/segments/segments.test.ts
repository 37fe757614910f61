import { type ChannelRecord, type Identifier, parseIdentifier } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signalsMax } from '../../../src/core/shard/signal.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { event, start, visitorsOf } from '../../support/records.ts'
import { WatchedPeople } from '../../support/watched-people.ts'

const dayMs = 86_400_000

const playbook = compilePlaybook(`
playbook: watched
consent: { personalise: assumed }
events: { page: {}, complaint: {} }
traits: { tier: { type: string } }
facts:
  busy: count("page", "30d") >= 2
  today: count("page", "1d") > 0
  gold: traits.tier == "gold"
segments: [busy, today, gold]
triggers: [{ when: entered(busy), at: mail }]
placements: { mail: { channel: email, format: note, fallback: none } }
offers:
  hello:
    when: busy
    limits: [{ on: display, max: 1, per: 7d }]
    treatments: { note: hello }
`)

const user = parseIdentifier('user:u')

describe('who is in which segment', () => {
  it('is looked at once for a burst, and told with what entering triggers', async () => {
    const people = await WatchedPeople.start(playbook)

    await people.cluster.publish(...[1, 2, 3].map((i) => event(user, `e${i}`, start)))
    await people.pass(300)

    expect(people.heardOf(user)).toEqual(['entered busy', 'decision busy', 'entered today'])
  })

  it('is not changed by what is unknown', async () => {
    const people = await WatchedPeople.start(playbook)
    const traits: ChannelRecord = {
      kind: 'traits',
      id: 't1',
      key: user,
      at: start,
      set: { tier: 'gold' },
      unset: [],
    }
    await people.cluster.publish(traits)
    await people.pass(300)
    await people.cluster.publish({ ...traits, id: 't2', at: start + 1, set: {}, unset: ['tier'] })
    await people.pass(300)

    expect(people.heardOf(user)).toEqual(['entered gold'])
  })

  it('is found by the walk where time alone changes it', async () => {
    const people = await WatchedPeople.start(playbook)
    await people.cluster.publish(event(user, 'e1', start))
    await people.pass(300)
    await people.checkpoint()
    expect(people.heardOf(user)).toEqual(['entered today'])

    people.cluster.clock.jump(2 * dayMs)
    await people.pass(61_000, 1_000)

    expect(people.heardOf(user)).toEqual(['entered today', 'left today'])
  })

  it('is written again where the log took nothing', async () => {
    const people = await WatchedPeople.start(playbook)
    people.isLogFull = true
    await people.cluster.publish(event(user, 'e1', start))
    await people.pass(500)
    expect(people.heardOf(user)).toEqual([])

    people.isLogFull = false
    await people.pass(300)

    expect(people.heardOf(user)).toEqual(['entered today'])
  })

  it('waits while too many signals do: nothing is told nobody', async () => {
    const people = await WatchedPeople.start(playbook)
    const many = visitorsOf(1, 4, 6_000)
    for (const [i, one] of many.entries()) await people.cluster.publish(event(one, `e${i}`, start))

    await people.pass(3_000)

    const waiting = people.waiting()
    expect(waiting).toBeGreaterThan(signalsMax / 2)
    expect(waiting).toBeLessThan(6_000)
    people.take()
    await people.pass(3_000)
    expect(people.waiting() + waiting).toBe(6_000)
  })

  it('of a new playbook is found by the walk at once', async () => {
    const people = await WatchedPeople.start(playbook)
    await people.cluster.publish(event(user, 'e1', start), event(user, 'e2', start))
    await people.pass(300)
    await people.checkpoint()
    const [, next] = [playbook, compilePlaybook(renamed)]
    await people.cluster.activate(2, next)
    await people.pass(1_000)

    expect(people.heardOf(user).slice(-2).sort()).toEqual(['entered often', 'left today'])
  })
})

const renamed = `
playbook: watched
consent: { personalise: assumed }
events: { page: {} }
facts:
  busy: count("page", "30d") >= 2
  often: count("page", "30d") >= 1
segments: [busy, often]
placements: { mail: { channel: email, format: note, fallback: none } }
`

/** Names without limits among themselves: who is one person is what links connect, nothing else. */
const ids = ['phone:+491', 'email:a@x.de', 'email:b@x.de', 'user:u'].map((name) =>
  parseIdentifier(name),
)

type Step =
  | { readonly kind: 'page'; readonly who: number }
  | { readonly kind: 'link' | 'unlink'; readonly lower: number; readonly upper: number }
  | { readonly kind: 'consent'; readonly who: number; readonly granted: boolean }
  | { readonly kind: 'days'; readonly days: number }
  | { readonly kind: 'look' }
  | { readonly kind: 'settle' }

const who = fc.nat(ids.length - 1)
const pair = fc
  .uniqueArray(who, { minLength: 2, maxLength: 2 })
  .map(([a = 0, b = 0]) => ({ lower: Math.min(a, b), upper: Math.max(a, b) }))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: who.map((one) => ({ kind: 'page', who: one }) as const) },
  { weight: 2, arbitrary: pair.map((ends) => ({ kind: 'link', ...ends }) as const) },
  { weight: 1, arbitrary: pair.map((ends) => ({ kind: 'unlink', ...ends }) as const) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('consent'), who, granted: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.nat(40).map((days) => ({ kind: 'days', days }) as const) },
  { weight: 2, arbitrary: fc.constant({ kind: 'look' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'settle' } as const) },
)

/** The same history, counted by hand. */
class Counted {
  readonly pages: { readonly who: number; readonly at: number }[] = []
  readonly links = new Set<string>()
  readonly consents = new Map<number, boolean>()

  /** The greatest of those that are linked to it, itself included, and all of them. */
  personOf(one: number): { readonly root: number; readonly members: ReadonlySet<number> } {
    const members = new Set([one])
    for (let size = 0; size < members.size; ) {
      size = members.size
      for (const link of this.links) {
        const [a = 0, b = 0] = link.split(' ').map(Number)
        if (members.has(a) || members.has(b)) members.add(a).add(b)
      }
    }
    return { root: Math.max(...members), members }
  }

  segmentsOf(members: ReadonlySet<number>, now: number): string[] {
    if ([...members].some((one) => this.consents.get(one) === false)) return []
    const within = (ms: number) =>
      this.pages.filter(({ who: one, at }) => members.has(one) && now - at < ms).length
    return [within(30 * dayMs) >= 2 && 'busy', within(dayMs) > 0 && 'today'].filter(
      (name) => name !== false,
    )
  }
}

it('what others hear alternates for each profile, and says at the end what is true', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
      const people = await WatchedPeople.start(playbook)
      const { cluster } = people
      const counted = new Counted()
      /** How much was heard of whoever was part of a greater profile then: after that it begins anew. */
      const resets = new Map(ids.map((id) => [id, new Set([0])]))
      for (const [number, one] of steps.entries()) {
        const now = cluster.clock.now()
        const id = `s${number}`
        if (one.kind === 'days') cluster.clock.jump(one.days * dayMs)
        else if (one.kind === 'look') await people.pass(200)
        else if (one.kind === 'settle') await cluster.settle()
        else await cluster.publish(recordOf(one, id, now, counted))
        for (const each of ids)
          if (people.segmentsOf(each) === undefined)
            resets.get(each)?.add(changesOf(people, each).length)
      }
      await cluster.settle()
      await people.checkpoint()
      await people.pass(62_000, 1_000)
      await cluster.settle()
      await people.pass(500)

      for (const [index, id] of ids.entries()) {
        const { root, members } = counted.personOf(index)
        const expected = root === index ? counted.segmentsOf(members, cluster.clock.now()) : []
        expect([...(people.segmentsOf(id) ?? [])].sort()).toEqual(expected)
        const told = inAfter(changesOf(people, id), resets.get(id) ?? new Set())
        if (root === index) expect(told).toEqual(expected)
      }
    }),
    { numRuns: 200 },
  )
}, 60_000)

function changesOf(people: WatchedPeople, id: Identifier): string[] {
  return people.heardOf(id).filter((one) => !one.startsWith('decision'))
}

/** The segments that whoever hears all of it takes the profile to be in. */
function inAfter(changes: readonly string[], resets: ReadonlySet<number>): string[] {
  const isIn = new Map<string, boolean>()
  for (let i = 0; i <= changes.length; i++) {
    if (resets.has(i)) isIn.clear()
    const [signal, segment] = changes[i]?.split(' ') ?? []
    if (segment === undefined) break
    expect(signal).toBe(isIn.get(segment) === true ? 'left' : 'entered')
    isIn.set(segment, signal === 'entered')
  }
  return [...isIn].flatMap(([segment, is]) => (is ? [segment] : [])).sort()
}

function recordOf(
  one: Extract<Step, { readonly kind: 'page' | 'link' | 'unlink' | 'consent' }>,
  id: string,
  at: number,
  counted: Counted,
): ChannelRecord {
  switch (one.kind) {
    case 'page':
      counted.pages.push({ who: one.who, at })
      return event(idOf(one.who), id, at)
    case 'consent':
      counted.consents.set(one.who, one.granted)
      return {
        kind: 'consent',
        id,
        key: idOf(one.who),
        at,
        purpose: 'personalise',
        granted: one.granted,
      }
    case 'link':
    case 'unlink': {
      const { kind, lower, upper } = one
      const ends = `${lower} ${upper}`
      if (kind === 'link') counted.links.add(ends)
      else counted.links.delete(ends)
      const record = { id, key: idOf(lower), to: idOf(upper), at }
      return kind === 'link' ? { kind, ...record, strength: 'authenticated' } : { kind, ...record }
    }
  }
}

function idOf(index: number): Identifier {
  return ids[index] ?? user
}
