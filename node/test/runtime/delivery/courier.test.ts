import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryCluster } from '../../../src/memory/memory-coordination.ts'
import { MemorySignals } from '../../../src/memory/memory-signals.ts'
import type { Webhook, WebhookMessage } from '../../../src/runtime/delivery/webhook.ts'
import { Webhooks } from '../../../src/runtime/delivery/webhooks.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'
import { start } from '../../support/records.ts'

const hourMs = 3_600_000

const crm: Webhook = {
  name: 'crm',
  url: 'https://crm.example/signals?key=secret',
  signals: null,
  segments: null,
  secrets: [],
  giveUpMs: 24 * hourMs,
}

/** A cluster of which one node delivers, and another system that takes signals or does not. */
class Delivery {
  readonly clock = new ManualClock(start)
  readonly cluster = new MemoryCluster(this.clock)
  readonly signals = new MemorySignals()
  readonly received: WebhookMessage[] = []
  readonly observer = new QuietObserver()
  /** Ids that it does not take. */
  readonly refused = new Set<string>()
  /** Which node delivers. */
  active = 'a'
  isUp = true
  private told = 0
  private readonly open: Webhooks[] = []

  node(name: string, webhooks: readonly Webhook[] = [crm]): Webhooks {
    const node = new Webhooks(
      {
        webhooks,
        postman: {
          post: async (_webhook, message) => {
            this.received.push(message)
            return this.isUp && !this.refused.has(message.id)
              ? { kind: 'taken' }
              : { kind: 'refused', reason: 'it answers 503' }
          },
        },
        signals: this.signals,
        coordination: this.cluster.connect(),
        clock: this.clock,
        observer: this.observer,
      },
      () => this.active === name,
    )
    this.open.push(node)
    return node
  }

  async tell(count: number, more: object = {}): Promise<void> {
    const told = Array.from({ length: count }, () => {
      const id = `s${++this.told}`
      const signal = { v: 1, id, signal: 'entered', profile: `crm:${id}`, at: this.clock.now() }
      return { id, text: JSON.stringify({ ...signal, segment: 'gold', ...more }) }
    })
    await this.signals.publish(0, told)
  }

  async pass(ms: number, stepMs = 100): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(stepMs)
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Ids that came, in order. */
  get ids(): readonly string[] {
    return this.received.map(({ id }) => id)
  }

  async close(): Promise<void> {
    await Promise.all(this.open.map((one) => one.close()))
  }
}

let delivery = new Delivery()
afterEach(async () => {
  await delivery.close()
  delivery = new Delivery()
})

describe('a webhook', () => {
  it('hears what is told since it is there, in order, once', async () => {
    await delivery.tell(2)
    await delivery.pass(1_000)
    const node = delivery.node('a')
    await delivery.pass(1_000)

    await delivery.tell(250)
    await delivery.pass(3_000)

    expect(delivery.ids).toEqual(Array.from({ length: 250 }, (_, i) => `s${i + 3}`))
    expect(await node.list()).toMatchObject([
      { name: 'crm', url: 'https://crm.example/signals', cursor: 252, taken: 250, tries: 0 },
    ])
  })

  it('hears the kinds and segments that it asks for', async () => {
    const picky = { ...crm, signals: new Set(['entered']), segments: new Set(['gold']) }
    delivery.node('a', [picky])
    await delivery.pass(1_000)

    await delivery.tell(1)
    await delivery.tell(1, { signal: 'left' })
    await delivery.tell(1, { segment: 'silver' })
    await delivery.tell(1, { segment: undefined, signal: 'merged' })
    await delivery.tell(1)
    await delivery.pass(1_000)

    expect(delivery.ids).toEqual(['s1', 's5'])
  })

  it('that is away gets the same signal again, later each time, and nothing before it', async () => {
    const node = delivery.node('a')
    await delivery.pass(1_000)
    delivery.isUp = false
    await delivery.tell(2)
    await delivery.pass(30_000)
    const tries = delivery.received.map(({ at }) => at)

    expect(new Set(delivery.ids)).toEqual(new Set(['s1']))
    expect(tries.length).toBeGreaterThanOrEqual(3)
    const pauses = tries.slice(1).map((at, i) => at - (tries[i] ?? 0))
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b))
    expect(await node.list()).toMatchObject([{ tries: tries.length, reason: 'it answers 503' }])
    delivery.isUp = true
    await delivery.pass(70_000, 500)

    expect(delivery.ids.slice(-2)).toEqual(['s1', 's2'])
    expect(await node.list()).toMatchObject([{ tries: 0, taken: 2, reason: '' }])
  })

  it('that does not take a signal for a day gets the next, and that one again when asked to', async () => {
    const node = delivery.node('a')
    await delivery.pass(1_000)
    delivery.refused.add('s1')
    await delivery.tell(2)
    await delivery.pass(25 * hourMs, 60_000)

    expect(delivery.ids.at(-1)).toBe('s2')
    expect(delivery.ids.filter((id) => id === 's1').length).toBeLessThan(20)
    expect(await node.dead('crm')).toMatchObject([{ cursor: 1, id: 's1', isRetried: false }])
    expect(await node.list()).toMatchObject([{ dead: 1, taken: 1 }])
    delivery.refused.clear()
    expect(await node.retry('crm')).toBe(1)
    await delivery.pass(2_000)

    expect(delivery.ids.at(-1)).toBe('s1')
    expect(await node.dead('crm')).toEqual([])
  })

  it('still does not take what is tried again: that stays aside', async () => {
    const node = delivery.node('a', [{ ...crm, giveUpMs: 2_000 }])
    await delivery.pass(1_000)
    delivery.isUp = false
    await delivery.tell(1)
    await delivery.pass(5_000)
    const [before] = await node.dead('crm')
    await node.retry('crm')
    await delivery.pass(2_000)

    const [after] = await node.dead('crm')
    expect(after).toMatchObject({ id: 's1', isRetried: false, tries: (before?.tries ?? 0) + 1 })
  })

  it('is told nothing of what was put aside and is about somebody who was erased meanwhile', async () => {
    const node = delivery.node('a', [{ ...crm, giveUpMs: 2_000 }])
    await delivery.pass(1_000)
    delivery.isUp = false
    await delivery.tell(1)
    await delivery.pass(5_000)
    await delivery.signals.remove(() => true)
    delivery.isUp = true
    const sent = delivery.received.length
    await node.retry('crm')
    await delivery.pass(2_000)

    expect(delivery.received).toHaveLength(sent)
    expect(await node.dead('crm')).toEqual([])
  })

  it('hears the rest from the node that coordinates next', async () => {
    delivery.node('a')
    delivery.node('b')
    await delivery.pass(1_000)
    await delivery.tell(3)
    await delivery.pass(2_000)
    delivery.active = 'b'
    await delivery.tell(3)
    await delivery.pass(2_000)

    expect(delivery.ids).toEqual(['s1', 's2', 's3', 's4', 's5', 's6'])
  })

  it('misses nothing while the coordination and the signals cannot be reached', async () => {
    const node = delivery.node('a')
    await delivery.pass(1_000)
    delivery.signals.isReachable = false
    await delivery.pass(2_000)
    expect(delivery.observer.failures).not.toEqual([])
    delivery.signals.isReachable = true
    await delivery.tell(2)
    await delivery.pass(2_000)

    expect(delivery.ids).toEqual(['s1', 's2'])
    await expect(node.dead('crn')).rejects.toMatchObject({ code: 'INVALID' })
  })
})
