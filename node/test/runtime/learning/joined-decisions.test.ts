import { HalfsecondError, identifierOf, shardOf } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { headOf } from '../../../src/core/decision/logged-decision.ts'
import type { JoinedDecision } from '../../../src/core/learning/joined.ts'
import { entriesOf, pastBytesMax } from '../../../src/core/learning/past-timeline.ts'
import { anon, event, start } from '../../support/records.ts'
import { day, JoinedWorld, shards } from './joined-world.ts'

const minute = 60_000

/** Decisions with what became of them, in the order of their ids. */
function said(all: readonly JoinedDecision[]): [string, string[]][] {
  return all
    .map(({ entry, outcomes }): [string, string[]] => [
      headOf(entry)?.decision ?? '',
      outcomes.map(({ placement, offer, outcome, at }) =>
        [placement, offer, outcome, at - start].join(' '),
      ),
    ])
    .sort(([one], [other]) => (one < other ? -1 : 1))
}

describe('decisions joined with what became of them', () => {
  it('come once each, of all shards, with their outcomes in the order of time', async () => {
    const world = await JoinedWorld.start()
    const made: [string, string[]][] = []
    for (let i = 0; i < 40; i++) {
      const key = anon(i)
      const decision = await world.decide(key, { at: start + i })
      if (i % 2 === 0) {
        await world.tell(key, decision, 'click', start + 2 * minute)
        await world.tell(key, decision, 'display', start + minute)
      }
      const outcomes = ['hero card display 60000', 'hero card click 120000']
      made.push([decision, i % 2 === 0 ? outcomes : []])
    }

    const all = await world.read()

    expect(said(all)).toEqual(made.sort(([one], [other]) => (one < other ? -1 : 1)))
    expect(new Set(world.asked.map((one) => ('shard' in one ? one.shard : -1))).size).toBe(shards)
  })

  it('are found in timelines that are long, whether they are in memory or not', async () => {
    for (const budgetBytes of [undefined, 0]) {
      const world = await JoinedWorld.start(budgetBytes)
      const key = anon('a')
      const made: [string, string[]][] = []
      for (let i = 0; i < 60; i++) {
        const at = start + i * minute
        const pages = Array.from({ length: 50 }, (_, j) => event(key, `e${i}-${j}`, at + j))
        await world.record(key, pages)
        const decision = await world.decide(key, { at })
        await world.tell(key, decision, 'display', at + 100)
        made.push([decision, [`hero card display ${i * minute + 100}`]])
      }
      await world.replica.flush()

      expect(said(await world.read())).toEqual(made)
      expect(said(await world.read())).toEqual(made)
      await world.tell(key, made[7]?.[0] ?? '', 'click', start + day)
      made[7]?.[1].push(`hero card click ${day}`)
      expect(said(await world.read())).toEqual(made)
    }
  })

  it('leave out whom it was erased since, and not what was decided afterwards', async () => {
    const world = await JoinedWorld.start()
    const key = anon('a')
    await world.decide(key, { at: start })
    const other = await world.decide(anon('b'), { at: start })
    await world.record(key, [
      { kind: 'erase', id: 'x1', key, at: start + minute, eraseId: 'erase-1' },
    ])
    // The log takes what the erase is about up to its own time, thirty days later.
    const again = await world.decide(key, { at: start + 31 * day })

    const all = await world.read()

    expect(said(all).map(([decision]) => decision)).toEqual([other, again].sort())
  })

  it('come once where two nodes answered: as the primary did, or else as the first', async () => {
    const world = await JoinedWorld.start()
    const key = anon('a')
    const rest = { decision: 'd1', at: start }
    await world.decide(key, { ...rest, isPrimary: false, node: 'standby' })
    await world.decide(key, { ...rest, isPrimary: true, node: 'primary' })
    await world.decide(key, { ...rest, decision: 'd2', isPrimary: false, node: 'one' })
    await world.decide(key, { ...rest, decision: 'd2', isPrimary: false, node: 'other' })
    await world.decide(key, { ...rest, decision: 'd3', isPrimary: true, node: 'primary' })
    await world.decide(key, { ...rest, decision: 'd3', isPrimary: false, node: 'standby' })

    const all = await world.read()

    expect(all.map(({ entry }) => headOf(entry)?.node)).toEqual(['primary', 'one', 'primary'])
  })

  it('are those of a placement, of a shard and of a time where that is asked for', async () => {
    const world = await JoinedWorld.start()
    const hero = await world.decide(anon('a'), { placement: 'hero' })
    world.clock.advance(minute)
    const side = await world.decide(anon('a'), { placement: 'side' })
    const ids = async (range: Parameters<JoinedWorld['read']>[0]) =>
      said(await world.read(range)).map(([decision]) => decision)
    const home = shardOf(anon('a'), shards)

    expect(await ids({ placements: ['hero'] })).toEqual([hero])
    expect(await ids({ placements: ['her'] })).toEqual([])
    expect(await ids({ shard: home })).toEqual([hero, side])
    expect(await ids({ shard: (home + 4) % shards })).toEqual([])
    expect(await ids({ from: start + 1 })).toEqual([side])
    expect(await ids({ to: start })).toEqual([hero])
  })

  it('bring what each member was at their time where that is asked for, in memory or not', async () => {
    for (const budgetBytes of [undefined, 0]) {
      const world = await JoinedWorld.start(budgetBytes)
      const [web, account, gone] = [anon('a'), identifierOf('user', 'ann'), anon('nobody')]
      const traits = (id: string, at: number, tier: string) => ({
        kind: 'traits',
        id,
        key: account,
        at,
        set: { tier },
        unset: [],
      })
      await world.record(web, [event(web, 'e1', start), event(web, 'e2', start + 2 * minute)])
      await world.record(account, [traits('t1', start, 'gold'), event(account, 'e3', start + 1)])
      const members = [web, account, gone]
      for (const at of [start + minute, start + 3 * minute])
        await world.decide(account, { at, members })
      await world.record(account, [traits('t2', start + 2 * minute, 'silver')])
      await world.replica.flush()

      const all = await world.read({ timelines: true })

      const seen = all.map(({ pasts }) =>
        pasts?.map(
          (past) =>
            past && {
              ids: entriesOf(past).map(({ record }) => 'id' in record && record.id),
              tier: past.traits.map(({ value }) => value),
              overwritten: past.overwritten,
            },
        ),
      )
      const nothing = { tier: [], overwritten: [] }
      expect(seen).toEqual([
        [{ ids: ['e1'], ...nothing }, { ids: ['e3'], tier: [], overwritten: ['tier'] }, undefined],
        [
          { ids: ['e1', 'e2'], ...nothing },
          { ids: ['e3'], tier: ['silver'], overwritten: [] },
          undefined,
        ],
      ])
      expect((await world.read()).every(({ pasts }) => pasts === undefined)).toBe(true)
    }
  })

  it('bring the newest of a long timeline, and say how far back that goes', async () => {
    const world = await JoinedWorld.start()
    const key = anon('a')
    const at = (i: number) => start + i * minute
    for (let i = 0; i < 2_000; i += 50) {
      const some = Array.from({ length: 50 }, (_, j) => event(key, `e${i + j}`, at(i + j)))
      await world.record(key, some)
    }
    await world.decide(key, { at: at(1_500) })

    const [one] = await world.read({ timelines: true })
    const [past] = one?.pasts ?? []
    if (past === undefined) throw new TypeError('somebody who is known')

    const floor = past.floor ?? Number.NaN
    const times = entriesOf(past).map((entry) => entry.at)
    expect(past.entries.length).toBeLessThanOrEqual(pastBytesMax)
    expect(times.at(-1)).toBe(at(1_500))
    expect(times.length).toBeGreaterThan(100)
    // All that is later than the floor is there.
    expect(times.filter((time) => time > floor)).toEqual(
      Array.from({ length: 1_501 }, (_, i) => at(i)).filter((time) => time > floor),
    )
  })

  it('wait for a shard that moves, and ask again', async () => {
    const world = await JoinedWorld.start()
    const decision = await world.decide(anon('a'))
    await world.tell(anon('a'), decision, 'display', start + 1)
    let refusals = 2
    world.refuse = () => {
      if (refusals-- > 0) throw new HalfsecondError('MOVED', 'it is elsewhere')
    }

    expect(said(await world.read())).toEqual([[decision, ['hero card display 1']]])
    expect(world.asked).toHaveLength(3)
  })

  it('say what a device of two owners was told in each of its epochs', async () => {
    const world = await JoinedWorld.start()
    const key = anon('shared')
    const link = (id: string, at: number, user: string) => ({
      kind: 'link',
      id,
      key,
      at,
      to: identifierOf('user', user),
      source: 'login',
      strength: 'authenticated',
    })
    const made: [string, string[]][] = []
    for (const [i, user] of ['ann', 'bob'].entries()) {
      const at = start + i * day
      await world.record(key, [link(`l${i}`, at, user)])
      const decision = await world.decide(key, { at: at + 1 })
      await world.tell(key, decision, 'display', at + 2)
      await world.tell(key, decision, 'click', at + day)
      made.push([
        decision,
        [`hero card display ${i * day + 2}`, `hero card click ${(i + 1) * day}`],
      ])
    }

    expect(said(await world.read())).toEqual(made)
  })
})
