import {
  type Identifier,
  type Outcome,
  type OutcomeRecord,
  ulid,
  type WireProposition,
} from '@halfsecond/protocol'
import { outcomeOf, peekToken, TokenKeys } from '@halfsecond/protocol/token'
import { describe, expect, it } from 'vitest'
import { foldVersion } from '../../../src/core/shard/shard-state.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import type { Decider } from '../../../src/runtime/decisions/decider.ts'
import { ask, deciderOf, question } from '../../support/deciding-replica.ts'
import { anon, batch, ownBatch, start } from '../../support/records.ts'
import { Replica } from '../../support/replica.ts'

/*
 * What is learnt from outcomes, from the decision over its token to what a shard has counted: the names
 * of the tests are rows of `docs/outcomes.md`.
 */

const minuteMs = 60_000
const dayMs = 86_400_000

const playbook = compilePlaybook(`
playbook: learning
consent: { personalise: assumed }
placements:
  hero: { channel: web, format: banner, fallback: none, learn: { on: click, within: 30m, halfLife: 90d } }
  call: { channel: phone, format: banner, fallback: none, learn: { on: accept, within: 7d, halfLife: 90d } }
  plain: { channel: web, format: banner, fallback: none }
  held: { channel: web, format: banner, fallback: none, learn: click }
  rules: { channel: web, format: banner, fallback: none, learn: click }
experiments:
  holdout: { at: [held], arms: { ours: 1%, none: { share: 99%, shows: fallback } }, measure: { on: accept } }
  unlearned: { at: [rules], arms: { ours: 1%, rules: { share: 99%, shows: unlearned } }, measure: { on: accept } }
offers:
  boots: { treatments: { banner: Boots } }
`)

const keys = new TokenKeys(`k1:${Buffer.alloc(32, 1).toString('base64')}`)

/** A node that learns, with one shard. */
class Node {
  private readonly clock: ManualClock
  private readonly log: MemoryLog
  private readonly replica: Replica
  private readonly decider: Decider
  private made = 0

  private constructor(clock: ManualClock, log: MemoryLog, replica: Replica, decider: Decider) {
    this.clock = clock
    this.log = log
    this.replica = replica
    this.decider = decider
  }

  static async start(): Promise<Node> {
    const clock = new ManualClock(start)
    const log = new MemoryLog(1, () => clock.now())
    log.isAutomatic = false
    const world = { log, clock, disk: new MemoryStore() }
    const replica = await Replica.start(world)
    const decider = deciderOf(world, replica, replica.shards, [1], {
      decides: playbook,
      sign: (token) => keys.sign(token),
    })
    const node = new Node(clock, log, replica, decider)
    const own = [
      { kind: 'primary', epoch: 1, node: 'n1' },
      { kind: 'barrier', epoch: 1, foldVersion },
      { kind: 'playbook', epoch: 1, version: 1, hash: 'h' },
    ] as const
    for (const [i, record] of own.entries()) await log.append(0, ownBatch(1, i + 1, record), 'own')
    log.deliver(0)
    return node
  }

  /** What one placement shows now, of which the token is kept. */
  async decide(placement = 'hero', who = anon(1)): Promise<WireProposition> {
    const decision = ulid(this.clock.now(), (bytes) => bytes.fill(++this.made))
    const { answers } = await ask(
      this.decider,
      question(who, { decision, placements: [placement] }),
    )
    const answer = answers[0]
    if (answer?.kind !== 'decision') throw new Error(JSON.stringify(answer))
    const [found] = answer.placements
    if (found === undefined || 'error' in found) throw new Error(JSON.stringify(found))
    const [proposition] = found.propositions
    if (proposition === undefined) throw new Error('there is always content')
    return proposition
  }

  /** Says of a proposition what a client says by its token. */
  async say({ token = '' }: WireProposition, ...all: readonly Outcome[]): Promise<OutcomeRecord> {
    const said = outcomeOf(peekToken(token))
    const records = all.map((outcome) => {
      const id = `o${++this.made}`
      return { ...said, outcome, id, at: this.clock.now() }
    })
    for (const record of records) await this.log.append(0, batch(record.id, 1, [record]), 'log')
    this.log.deliver(0)
    const [last] = records.slice(-1)
    if (last === undefined) throw new Error('something is said')
    return last
  }

  wait(ms: number): void {
    this.clock.jump(ms)
  }

  /** Trials and rewards by placement, once all rewards have come. */
  get learnt(): { [placement: string]: string } {
    const [shard] = this.replica.shards
    const cells = shard?.state.statistics.settled(this.clock.now() + 9 * dayMs).cells ?? []
    return Object.fromEntries(
      cells.map(({ placement, trials, rewards }) => [
        placement,
        `${Math.round(trials)} ${Math.round(rewards)}`,
      ]),
    )
  }
}

const others: Identifier[] = [anon(2), anon(3)]

describe('what is learnt', () => {
  it('decided, never displayed: nothing', async () => {
    const node = await Node.start()

    for (const who of others) await node.decide('hero', who)

    expect(node.learnt).toEqual({})
  })

  it('displayed: a trial; clicked within its time: a reward', async () => {
    const node = await Node.start()
    const [one, other] = [await node.decide(), await node.decide('hero', anon(2))]

    await node.say(one, 'display')
    node.wait(29 * minuteMs)
    await node.say(one, 'click')
    await node.say(other, 'display')

    expect(node.learnt).toEqual({ hero: '2 1' })
  })

  it('double impression, same decision: one trial', async () => {
    const node = await Node.start()
    const one = await node.decide()

    await node.say(one, 'display')
    node.wait(minuteMs)
    await node.say(one, 'display')

    expect(node.learnt).toEqual({ hero: '1 0' })
  })

  it('shown again from a cache after its token expired: no second trial', async () => {
    const node = await Node.start()
    const one = await node.decide()
    await node.say(one, 'display')

    node.wait(3 * dayMs)
    await node.say(one, 'display')

    expect(node.learnt).toEqual({ hero: '1 0' })
  })

  it.each(['click', 'accept'] as const)(
    '%s without display: the display that it implies is a trial, and one that comes later is none',
    async (outcome) => {
      const node = await Node.start()
      const one = await node.decide()

      await node.say(one, outcome)
      expect(node.learnt).toEqual({ hero: outcome === 'click' ? '1 1' : '1 0' })
      node.wait(minuteMs)
      await node.say(one, 'display')

      expect(node.learnt).toEqual({ hero: outcome === 'click' ? '1 1' : '1 0' })
    },
  )

  it('several clicks: one reward', async () => {
    const node = await Node.start()
    const one = await node.decide()

    await node.say(one, 'display', 'click', 'click')
    node.wait(minuteMs)
    await node.say(one, 'click')

    expect(node.learnt).toEqual({ hero: '1 1' })
  })

  it('accepted after the time of its reward: counts for the offer, and is no reward', async () => {
    const node = await Node.start()
    const [soon, late] = [await node.decide('call'), await node.decide('call', anon(2))]
    await node.say(soon, 'display')
    await node.say(late, 'display')

    node.wait(7 * dayMs - minuteMs)
    await node.say(soon, 'accept')
    node.wait(2 * minuteMs)
    await node.say(late, 'accept')

    expect(node.learnt).toEqual({ call: '2 1' })
    expect((await node.decide('call', anon(2))).offer).toBeUndefined()
  })

  it('accepted: other propositions of the offer that were given are void, and bring no reward by it', async () => {
    const node = await Node.start()
    const [onWeb, onPhone] = [await node.decide('hero'), await node.decide('call')]
    await node.say(onWeb, 'display')

    await node.say(onPhone, 'accept')

    expect(node.learnt).toEqual({ hero: '1 0', call: '1 1' })
    expect((await node.decide('hero')).offer).toBeUndefined()
  })

  it('rejected, dismissed, unsubscribed: neither a trial nor a reward', async () => {
    const node = await Node.start()
    const one = await node.decide()

    await node.say(one, 'reject', 'dismiss', 'unsubscribe')

    expect(node.learnt).toEqual({})
  })

  it('a holdout visitor who clicks default content: stored with the arm, and teaches nothing', async () => {
    const node = await Node.start()
    const held = await node.decide('held')
    expect(held).toMatchObject({ content: 'none', token: expect.any(String) })
    expect(held.offer).toBeUndefined()

    const stored = await node.say(held, 'display', 'click')

    expect(stored).toMatchObject({ offer: 'fallback', arms: ['holdout=none'] })
    expect(node.learnt).toEqual({})
  })

  it('a visitor in the arm `unlearned`: stored with the arm, and teaches nothing', async () => {
    const node = await Node.start()
    const shown = await node.decide('rules')

    const stored = await node.say(shown, 'display', 'click')

    expect(stored).toMatchObject({ offer: 'boots', arms: ['unlearned=rules'] })
    expect(node.learnt).toEqual({})
  })

  it('where nobody learns, nothing is counted', async () => {
    const node = await Node.start()

    const stored = await node.say(await node.decide('plain'), 'display', 'click')

    expect(stored).not.toHaveProperty('trial')
    expect(node.learnt).toEqual({})
  })
})
