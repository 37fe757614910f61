import {
  decode,
  encode,
  encodeBatch,
  HalfsecondError,
  importPositions,
  isFields,
} from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { recordEach } from '../../src/http/results.ts'
import { FakeNode } from './support/fake-node.ts'
import { post, postBytes, startServer } from './support/running-server.ts'

const page = { kind: 'event', name: 'page', properties: { path: '/' } }

function positionsIn(body: unknown): unknown[] {
  const results: unknown = isFields(body) ? body.results : undefined
  return Array.isArray(results)
    ? results.map((one: unknown) => (isFields(one) ? one.position : undefined))
    : []
}

describe('POST /v1/events as JSON', () => {
  it('records in order and answers a position each', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const records = ['a', 'b', 'c'].map((id) => ({ ...page, id, key: 'anon:x' }))

    const { status, body } = await post(`${url}/v1/events`, { records })

    expect(status).toBe(200)
    expect(node.records.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    const positions = positionsIn(body).flatMap((text) => importPositions(String(text)))
    expect(positions).toHaveLength(3)
    expect(positions[0]).toMatchObject({ incarnation: 100 + (positions[0]?.shard ?? 0) })
  })

  it('takes the greatest of several identifiers as key, normalised', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const records = [
      { ...page, id: '1', identifiers: { anon: 'x', email: ' Ann@Example.com ' } },
      { ...page, id: '2', identifiers: ['anon:x', 'user:17'] },
    ]

    const { status } = await post(`${url}/v1/events`, { records })

    expect(status).toBe(200)
    expect(new Set(node.records.map(({ key }) => key))).toEqual(
      new Set(['email:ann@example.com', 'user:17']),
    )
  })

  it('gives a record without a time the present, and keeps channel, source and unknown fields', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const before = Date.now()
    const record = { ...page, id: '1', key: 'anon:x', channel: 'web', source: 'crm', later: 7 }

    await post(`${url}/v1/events`, { records: [record] })

    expect(node.records).toEqual([expect.objectContaining({ ...record, at: expect.any(Number) })])
    expect(node.records[0]?.at).toBeGreaterThanOrEqual(before)
  })

  it('numbers records itself, whatever number they bring', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)

    await post(`${url}/v1/events`, { records: [{ ...page, id: '1', key: 'anon:x', n: 900 }] })

    expect(node.records[0]).not.toHaveProperty('n')
  })

  it('stores a link at its lower end, whichever way round it came', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const link = { kind: 'link', strength: 'asserted', id: '1', key: 'user:17', to: 'anon:x' }

    await post(`${url}/v1/events`, { records: [link] })

    expect(node.records[0]).toMatchObject({ key: 'anon:x', to: 'user:17' })
  })

  it('takes traits and links without what goes without saying', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const of = { key: 'crm:991', source: 'crm', channel: 'call', at: 17 }
    const records = [
      { kind: 'traits', id: '1', ...of, set: { tier: 'gold' } },
      { kind: 'traits', id: '2', ...of, unset: ['tier'] },
      { kind: 'link', id: '3', ...of, to: 'email:a@b.c' },
    ]

    const { status } = await post(`${url}/v1/events`, { records })

    expect(status).toBe(200)
    expect(node.records).toEqual(
      expect.arrayContaining([
        { ...records[0], unset: [] },
        { ...records[1], set: {} },
        { ...records[2], key: 'email:a@b.c', to: 'crm:991', strength: 'asserted' },
      ]),
    )
  })

  it('records the good ones of a list and says 207', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const records = [
      { ...page, id: '1', key: 'anon:x' },
      { ...page, id: '2', key: 'nobody:x' },
      { ...page, id: '3', key: 'anon:x', name: 'click' },
      { ...page, id: '4', key: 'anon:x' },
    ]

    const { status, body } = await post(`${url}/v1/events`, { records })

    expect(status).toBe(207)
    expect(node.records.map(({ id }) => id)).toEqual(['1', '4'])
    expect(body).toEqual({
      results: [
        { position: expect.any(String) },
        { error: { code: 'UNKNOWN_NAMESPACE', message: expect.any(String) } },
        { error: { code: 'INVALID', message: expect.stringContaining('reserved') } },
        { position: expect.any(String) },
      ],
    })
  })

  it('answers a problem where nothing was recorded', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)

    const { status, type, body } = await post(`${url}/v1/events`, {
      records: [{ ...page, key: 'anon:x' }],
    })

    expect(status).toBe(422)
    expect(type).toContain('application/problem+json')
    expect(body).toMatchObject({
      code: 'INVALID',
      detail: 'id is missing',
      retryable: false,
      results: [{ error: { code: 'INVALID' } }],
    })
    expect(node.records).toEqual([])
  })

  it('says that records are in doubt when the log does not answer in time', async () => {
    const recorded = Promise.resolve({ shard: 0, incarnation: 1, sequence: 1 })
    const never = new Promise<never>(() => {})

    const results = await recordEach([0, 1], (one) => (one === 0 ? recorded : never), 20)

    expect(results).toEqual([
      { position: expect.stringMatching(/^hs1\./) },
      { error: { code: 'TIMEOUT', message: expect.any(String) } },
    ])
  })
})

describe('POST /v1/events as MessagePack', () => {
  const batch = (id: string) =>
    encodeBatch('p1', 1, [encode({ ...page, id, key: 'anon:x', at: 1 })])

  it('publishes batches unchanged and answers a sequence each', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)

    const answer = decode(
      await postBytes(
        `${url}/v1/events`,
        encode([
          [2, batch('a')],
          [2, batch('b')],
        ]),
      ),
    )

    expect(answer).toEqual([{ sequence: 1 }, { sequence: 2 }])
    expect(node.records.map(({ id }) => id)).toEqual(['a', 'b'])
  })

  it('answers an error in the place of a faulty batch', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const faulty = [
      [9, batch('a')],
      [-1, batch('a')],
      [1.5, batch('a')],
      [1, 'text'],
    ]

    for (const one of faulty) {
      const answer = decode(await postBytes(`${url}/v1/events`, encode([one, [1, batch('b')]])))

      expect(answer).toEqual([
        { error: { code: 'INVALID', message: expect.any(String) } },
        { sequence: expect.any(Number) },
      ])
    }
  })

  it('passes on what the log says', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    node.failure = new HalfsecondError('LOG_FULL', 'the log is full')

    const answer = decode(await postBytes(`${url}/v1/events`, encode([[1, batch('a')]])))

    expect(answer).toEqual([{ error: { code: 'LOG_FULL', message: 'the log is full' } }])
  })
})
