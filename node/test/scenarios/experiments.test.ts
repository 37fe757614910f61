import { join } from 'node:path'
import { isFields, parseIdentifier } from '@halfsecond/protocol'
import { outcomeOf } from '@halfsecond/protocol/token'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../deploy/test/requirements.ts'
import { readConfig } from '../../src/config.ts'
import { armOf } from '../../src/core/profile/arm.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { execute } from '../cli/support/command.ts'
import { get, post } from '../http/support/running-server.ts'
import { useServer } from '../nats/server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()

const playbook = `
playbook: shop
consent: { personalise: assumed }
events: { page: {}, order: {} }
placements:
  home: { channel: web, format: banner, fallback: { title: Welcome } }
experiments:
  greeting:
    at: [home]
    arms: { ours: 60%, none: { share: 40%, shows: fallback } }
    measure: { event: order, within: 1s }
    guardrails: [{ on: dismiss, within: 1s }]
offers:
  tour:
    when: count("page", "30d") > 0
    treatments: { banner: { title: Have a look } }
`

/** Of both nodes: what one decided, the other takes back. */
const keys = { HALFSECOND_TOKEN_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}` }

/** Long enough ago that the time of everybody's measure is over. */
const shownAt = Date.now() - 3_600_000

let told = 0

async function tell(node: RunningNode, ...records: readonly object[]): Promise<void> {
  const numbered = records.map((record) => ({ id: `r${told++}`, ...record }))
  const { status, body } = await post(`${node.url}/v1/events`, { records: numbered })
  expect(status, JSON.stringify(body)).toBe(200)
}

/** Visits, is decided for, and sees what was decided. @returns the arm */
async function visit(node: RunningNode, visitor: string, others: readonly string[] = []) {
  await tell(node, { kind: 'event', key: visitor, name: 'page', at: shownAt - 60_000 })
  return see(node, [visitor, ...others])
}

async function see(node: RunningNode, identifiers: readonly string[], at = shownAt) {
  const { decision, arm } = await decide(node, identifiers)
  await tell(node, { ...decision, outcome: 'display', at })
  return arm
}

async function decide(node: RunningNode, identifiers: readonly string[]) {
  const token = await vi.waitFor(async () => {
    const asked = { identifiers, placements: ['home'], deadline: 2_000 }
    const { body } = await post(`${node.url}/v1/decide`, asked)
    const decisions = isFields(body) && isFields(body.decisions) ? body.decisions : {}
    const home = isFields(decisions.home) ? decisions.home : {}
    expect(home.token, JSON.stringify(body)).toBeTypeOf('string')
    return String(home.token)
  }, 10_000)
  const decision = outcomeOf(node.api.tokenKeys.verify(token, Date.now()))
  return { decision, arm: decision.arms?.[0]?.replace('greeting=', '') ?? '' }
}

function order(key: string, afterMs: number): object {
  return { kind: 'event', key, name: 'order', at: shownAt + afterMs }
}

async function report(node: RunningNode): Promise<Record<string, unknown>> {
  const { status, body } = await get(`${node.adminUrl}/v1/experiments/greeting`)
  expect(status, JSON.stringify(body)).toBe(200)
  return isFields(body) ? body : {}
}

/** People of each arm, and how many of them did it. */
function counted(ours: readonly [number, number], none: readonly [number, number]): object {
  return {
    control: 'none',
    arms: [
      { arm: 'ours', people: ours[0] },
      { arm: 'none', people: none[0] },
    ],
    measures: [
      {
        measure: 'order within 1 second',
        arms: [
          { arm: 'ours', people: ours[0], did: ours[1] },
          { arm: 'none', people: none[0], did: none[1] },
        ],
      },
      { isGuardrail: true },
    ],
  }
}

describe('an experiment on a node alone', () => {
  it('is reported: who was shown which arm, and what they did in time', async () => {
    const dataDir = join(folder, 'alone')
    const flags = { port: '0', adminPort: '0', logLevel: 'silent', shards: '4', dataDir }
    const node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
    try {
      await node.api.publishPlaybook(playbook)
      const people = { ours: 0, none: 0 }
      const did = { ours: 0, none: 0 }
      for (let i = 0; i < 40; i++) {
        const visitor = `anon:v${i}`
        const arm = (await visit(node, visitor)) === 'ours' ? 'ours' : 'none'
        people[arm]++
        // Of every four one orders in time, one too late, one before, and one not at all.
        if (i % 4 === 0) did[arm]++
        if (i % 4 < 3) await tell(node, order(visitor, [500, 1_000, -500][i % 4] ?? 0))
      }
      // Somebody who was decided for and never saw anything.
      await tell(node, { kind: 'event', key: 'anon:blind', name: 'page' })
      await decide(node, ['anon:blind'])

      const wanted = counted([people.ours, did.ours], [people.none, did.none])
      await vi.waitFor(async () => {
        expect(await report(node)).toMatchObject({ ...wanted, seen: 41, several: 0 })
      }, 20_000)
      expect(people.ours).toBeGreaterThan(people.none)
      const env = { HALFSECOND_ADMIN_URL: node.adminUrl }
      const { output } = await execute(['experiment', 'report', 'greeting'], { env })
      expect(output).toContain('ours: too early to compare it with none')
      expect(output).toContain('40 of 41 people were shown something')
    } finally {
      await node.close()
    }
  })
})

const reached = `
playbook: shop
consent: { personalise: assumed }
events: { page: {}, order: {} }
placements:
  home: { channel: web, format: banner, fallback: { title: Welcome } }
  side: { channel: web, format: banner, fallback: { title: Aside } }
experiments:
  greeting: { at: [home], arms: { ours: 50%, none: { share: 50%, shows: fallback } }, measure: { event: order, within: 1s } }
  order: { at: [side], arms: { theirs: 50%, ours: 50% }, measure: { event: order, within: 1s } }
offers:
  tour: { when: 'count("page", "30d") > 0', treatments: { banner: { title: Have a look } } }
  deal: { value: 2, when: 'arm("order") == "ours" && count("page", "30d") > 1', treatments: { banner: { title: Cheap } } }
`

describe('the reach of an arm', () => {
  it('is the share of its decisions that show something else than the control had', async () => {
    const dataDir = join(folder, 'reach')
    const flags = { port: '0', adminPort: '0', logLevel: 'silent', shards: '4', dataDir }
    const node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
    try {
      await node.api.publishPlaybook(reached)
      const armsOf = (visitor: string) =>
        node.api.experiments
          .all()
          .map(({ name, arms }) => armOf(name, arms, parseIdentifier(visitor)).name)
      const shownAt = async (placement: string, visitor: string) => {
        const asked = { identifiers: [visitor], placements: [placement], deadline: 2_000 }
        const { body } = await post(`${node.url}/v1/decide`, asked)
        const decisions = isFields(body) && isFields(body.decisions) ? body.decisions : {}
        const answer = decisions[placement]
        const token =
          isFields(answer) && typeof answer.token === 'string' ? answer.token : undefined
        return token && node.api.tokenKeys.verify(token, Date.now()).offer
      }
      // Somebody of the controls, whom no reach counts.
      await vi.waitFor(async () => {
        const visitors = Array.from({ length: 99 }, (_, i) => `anon:w${i}`)
        const waiting = visitors.find((one) => armsOf(one).join() === 'none,theirs')
        expect(await shownAt('side', waiting ?? '')).toBe('fallback')
      }, 10_000)
      const home = { share: 0, of: 0 }
      const side = { share: 0, of: 0 }
      for (let i = 0; i < 60; i++) {
        const visitor = `anon:r${i}`
        for (let page = 0; page < i % 3; page++)
          await tell(node, { kind: 'event', key: visitor, name: 'page' })
        const [greeting, order] = armsOf(visitor)
        const [atHome, aside] = [await shownAt('home', visitor), await shownAt('side', visitor)]
        if (greeting === 'ours') {
          home.of++
          if (atHome === 'tour') home.share++
        }
        if (order === 'ours') {
          side.of++
          if (aside === 'deal') side.share++
        }
      }

      for (const [name, control, { share, of }] of [
        ['greeting', 'none', home],
        ['order', 'theirs', side],
      ] as const) {
        expect(share).toBeGreaterThan(0)
        expect(share).toBeLessThan(of)
        const reach = { share: share / of, of, notKnown: 0 }
        await vi.waitFor(async () => {
          expect((await get(`${node.adminUrl}/v1/experiments/${name}`)).body).toMatchObject({
            control,
            arms: expect.arrayContaining([expect.objectContaining({ arm: 'ours', reach })]),
          })
        }, 10_000)
      }
    } finally {
      await node.close()
    }
  })
})

describe('an experiment on two nodes that hold different shards', needs(realNatsServer), () => {
  const nats = useServer()
  const nodes: RunningNode[] = []

  beforeAll(async () => {
    for (const nodeId of ['n1', 'n2']) {
      const flags = { dataDir: join(folder, nodeId), natsUrl: nats.server.url, nodeId, shards: '4' }
      const free = { port: '0', adminPort: '0', logLevel: 'silent', standbys: '0' }
      const { config } = readConfig(keys, { ...flags, ...free })
      nodes.push(await startNode(config, { output: { write: () => {} } }))
    }
    const [first, second] = nodes
    await first?.api.publishPlaybook(playbook)
    await vi.waitFor(
      async () => {
        const { body } = await get(`${second?.adminUrl}/v1/cluster`)
        const all = isFields(body) && Array.isArray(body.nodes) ? body.nodes : []
        expect(all).toMatchObject([{ primaries: 2 }, { primaries: 2 }])
        expect((await get(`${second?.adminUrl}/v1/experiments`)).body).toMatchObject({
          experiments: [{ experiment: 'greeting' }],
        })
      },
      { timeout: 20_000, interval: 100 },
    )
  })

  afterAll(async () => {
    for (const node of nodes.reverse()) await node.close()
  })

  it('counts a person once, whose visits and orders are in different shards, and says so on each node', async () => {
    const [first, second] = nodes
    if (first === undefined || second === undefined) throw new Error('no nodes')
    const people = { ours: 0, none: 0 }
    const did = { ours: 0, none: 0 }
    for (let i = 0; i < 24; i++) {
      const visitor = `anon:p${i}`
      const arm = (await visit(i % 2 === 0 ? first : second, visitor)) === 'ours' ? 'ours' : 'none'
      people[arm]++
      if (i % 3 === 0) continue
      await tell(first, { kind: 'link', key: visitor, to: `user:p${i}`, strength: 'authenticated' })
      if (i % 3 === 1) continue
      did[arm]++
      await tell(second, order(`user:p${i}`, 300))
    }

    const wanted = counted([people.ours, did.ours], [people.none, did.none])
    for (const node of nodes)
      await vi.waitFor(async () => expect(await report(node)).toMatchObject(wanted), 20_000)

    // What both decided is in one log, and each finds all of it.
    await vi.waitFor(async () => {
      const reaches = await Promise.all(nodes.map(async (node) => reachIn(await report(node))))
      expect(reaches[0]).toMatchObject({ notKnown: 0 })
      expect(reaches[0]?.of).toBeGreaterThanOrEqual(people.ours)
      expect(reaches[1]).toEqual(reaches[0])
    }, 20_000)
  })

  it('ID-14 keeps a visitor who logs in, in the arm that was shown, and counts two who are one by the first', async () => {
    const [first, second] = nodes
    if (first === undefined || second === undefined) throw new Error('no nodes')
    const before = await report(first)
    const arms = new Map<string, string[]>([
      ['ours', []],
      ['none', []],
    ])
    for (let i = 0; arms.get('ours')?.length === 0 || arms.get('none')?.length === 0; i++) {
      const visitor = `anon:s${i}`
      await tell(first, { kind: 'event', key: visitor, name: 'page', at: shownAt - 60_000 + i })
      arms.get((await decide(first, [visitor])).arm)?.push(visitor)
    }
    const [one = ''] = arms.get('none') ?? []
    const [other = ''] = arms.get('ours') ?? []
    await see(first, [one])
    await see(second, [other], shownAt + 10)
    for (const visitor of [one, other])
      await tell(first, { kind: 'link', key: visitor, to: 'user:sam', strength: 'authenticated' })

    // The elder of the two has the lower number, whichever arm that is.
    const elder = Number(one.slice(6)) < Number(other.slice(6)) ? 'none' : 'ours'
    await vi.waitFor(async () => {
      const ways = [['user:sam'], [one], [other]]
      const found = await Promise.all(ways.map((way) => decide(second, way)))
      expect(found.map(({ arm }) => arm)).toEqual([elder, elder, elder])
    }, 20_000)
    await vi.waitFor(async () => {
      const after = await report(second)
      expect(after.several).toBe(1)
      expect(peopleOf(after, 'none')).toBe(peopleOf(before, 'none') + 1)
      expect(peopleOf(after, 'ours')).toBe(peopleOf(before, 'ours'))
    }, 20_000)
  })
})

function peopleOf({ arms }: Record<string, unknown>, name: string): number {
  const all: unknown[] = Array.isArray(arms) ? arms : []
  const arm = all.filter(isFields).find((one) => one.arm === name)
  return Number(arm?.people)
}

/** Of the arm ours. */
function reachIn({ arms }: Record<string, unknown>): Record<string, unknown> {
  const all: unknown[] = Array.isArray(arms) ? arms : []
  const reach = all.filter(isFields).find((one) => one.arm === 'ours')?.reach
  return isFields(reach) ? reach : {}
}
