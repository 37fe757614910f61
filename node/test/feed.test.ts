import { bounds, isFields, subjects } from '@halfsecond/protocol'
import { describe, expect, it, vi } from 'vitest'
import { InProcessBus } from '../src/embedded/in-process-bus.ts'
import { Feed } from '../src/feed.ts'
import { FakeNode } from './http/support/fake-node.ts'
import { QuietObserver } from './support/quiet-observer.ts'

function feedOf(node = new FakeNode()) {
  const observer = new QuietObserver()
  const bus = new InProcessBus(observer)
  const feed = new Feed({ bus, api: node, observer })
  const ask = async (message: unknown): Promise<unknown> => {
    const bytes = message instanceof Uint8Array ? message : Buffer.from(JSON.stringify(message))
    return JSON.parse(Buffer.from(await bus.request(subjects.feed, bytes, 10_000)).toString())
  }
  return { node, observer, bus, feed, ask }
}

const traits = { kind: 'traits', id: 'c1', key: 'crm:991', source: 'crm', channel: 'call', at: 17 }

describe('the feed', () => {
  it('records what another system tells, with its source, channel and time', async () => {
    const { node, observer, ask } = feedOf()
    const records = [
      { ...traits, set: { tier: 'gold' } },
      { kind: 'event', id: 'e1', key: 'crm:991', source: 'crm', at: 18, name: 'called' },
      { kind: 'link', id: 'l1', key: 'crm:991', to: 'anon:x', source: 'crm', at: 19 },
    ]

    const answer = await ask({ records })

    expect(answer).toEqual({
      results: records.map(() => ({ position: expect.stringMatching(/^hs1\./) })),
    })
    expect(node.records).toMatchObject([
      { ...traits, set: { tier: 'gold' }, unset: [] },
      { kind: 'event', source: 'crm', at: 18, properties: {} },
      { kind: 'link', key: 'anon:x', to: 'crm:991', strength: 'asserted', source: 'crm', at: 19 },
    ])
    expect(observer.fedRecords).toEqual([3, 0])
  })

  it('answers each record by itself', async () => {
    const { node, ask } = feedOf()

    const answer = await ask({
      records: [{ ...traits, key: 'nobody:1', set: {} }, { ...traits, set: { tier: 'gold' } }, 7],
    })

    expect(answer).toEqual({
      results: [
        { error: { code: 'UNKNOWN_NAMESPACE', message: expect.any(String) } },
        { position: expect.any(String) },
        { error: { code: 'INVALID', message: 'a record is a map' } },
      ],
    })
    expect(node.records).toHaveLength(1)
  })

  it.each([
    ['no JSON', Buffer.from('{'), 'MALFORMED'],
    ['no list', Buffer.from('{"records": 7}'), 'INVALID'],
    ['a forbidden key', Buffer.from('{"records": [{"__proto__": 1}]}'), 'MALFORMED'],
    ['more bytes than a frame', Buffer.alloc(bounds.frameBytes + 1, ' '), 'TOO_LARGE'],
    [
      'too many records',
      Buffer.from(JSON.stringify({ records: new Array(bounds.recordsPerBatch + 1).fill(1) })),
      'TOO_LARGE',
    ],
  ])('answers an error for %s', async (_, bytes, code) => {
    const { ask } = feedOf()

    expect(await ask(bytes)).toEqual({ error: { code, message: expect.any(String) } })
  })

  it('takes what is only published, and notes and counts what was refused of it', async () => {
    const { node, observer, bus } = feedOf()
    const publish = (records: readonly unknown[]) =>
      bus.publish(subjects.feed, Buffer.from(JSON.stringify({ records })))

    publish([{ ...traits, set: { tier: 'gold' } }])
    publish([{ ...traits, id: 'c2', key: 'nobody:1', set: {} }])
    await vi.waitUntil(() => observer.fedRecords[1] === 1, 20_000)

    expect(node.records).toHaveLength(1)
    expect(observer.fedRecords).toEqual([1, 1])
    expect(observer.notes).toEqual(['the feed brought what was refused'])
  })

  it('refuses more messages than may wait for the log, and goes on once they are through', async () => {
    const node = new FakeNode()
    const held = Promise.withResolvers<void>()
    const publish = node.publish.bind(node)
    node.publish = async (shard, batch) => {
      await held.promise
      return publish(shard, batch)
    }
    const { ask } = feedOf(node)
    const message = (i: number) => ({ records: [{ ...traits, id: `c${i}`, set: { i } }] })

    const answers = Array.from({ length: 300 }, (_, i) => ask(message(i)))
    const refused = await Promise.all(answers.slice(256))
    held.resolve()
    const recorded = await Promise.all(answers.slice(0, 256))

    expect(new Set(refused.map((one) => isFields(one) && codeOf(one)))).toEqual(
      new Set(['OVERLOADED']),
    )
    expect(recorded.every((one) => isFields(one) && 'results' in one)).toBe(true)
    expect(await ask(message(900))).toHaveProperty('results')
  })

  it('takes nothing more once it is closed', async () => {
    const { feed, ask } = feedOf()

    await feed.close()

    await expect(ask({ records: [] })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

function codeOf({ error }: { readonly [name: string]: unknown }): unknown {
  return isFields(error) ? error.code : undefined
}
