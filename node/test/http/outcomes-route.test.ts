import { decode, encode, parseIdentifier } from '@halfsecond/protocol'
import { TokenKeys } from '@halfsecond/protocol/token'
import { describe, expect, it } from 'vitest'
import { FakeNode } from './support/fake-node.ts'
import { post, postBytes, startServer } from './support/running-server.ts'

const ann = parseIdentifier('user:ann')
const inAMinute = Date.now() + 60_000

describe('POST /v1/outcomes', () => {
  it('records what the token says, under its key', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const token = node.token(ann, inAMinute)

    const { status, body } = await post(`${url}/v1/outcomes`, { token, outcome: 'click', id: 'o1' })

    expect(status).toBe(200)
    expect(body).toEqual({ results: [{ position: expect.stringMatching(/^hs1\./) }] })
    expect(node.records).toEqual([
      {
        kind: 'outcome',
        key: ann,
        decision: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
        placement: 'home',
        offer: 'card',
        treatment: 'web',
        outcome: 'click',
        id: 'o1',
        at: expect.any(Number),
      },
    ])
  })

  it('judges each of a list on its own', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const token = node.token(ann, inAMinute)

    const { status, body } = await post(`${url}/v1/outcomes`, [
      { token, outcome: 'display', at: 1_700_000_000_000 },
      { token, outcome: 'applause' },
      { token: `${token.slice(0, -2)}AA`, outcome: 'click' },
      { token: 'x', outcome: 'click' },
      { outcome: 'click' },
      { token, outcome: 'click', at: 8_640_000_000_000_000 },
      { token, outcome: 'click', id: 5 },
    ])

    expect(status).toBe(207)
    expect(body).toMatchObject({
      results: [
        { position: expect.any(String) },
        { error: { code: 'INVALID' } },
        { error: { code: 'FORBIDDEN' } },
        { error: { code: 'MALFORMED' } },
        { error: { code: 'INVALID' } },
        { error: { code: 'INVALID' } },
        { error: { code: 'INVALID' } },
      ],
    })
    expect(node.records).toHaveLength(1)
  })

  it('takes what an expired token brings: what happened is true however late', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)

    const { status } = await post(`${url}/v1/outcomes`, {
      token: node.token(ann, Date.now() - 1),
      outcome: 'accept',
    })

    expect(status).toBe(200)
    expect(node.records).toHaveLength(1)
  })

  it('says of an accept whether it counts everywhere, and takes why and how far', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const token = node.token(ann, inAMinute)

    const { body } = await post(`${url}/v1/outcomes`, [
      { token, outcome: 'accept' },
      { token, outcome: 'reject', reason: 'cancel' },
      { token, outcome: 'unsubscribe', across: 'group' },
      { token, outcome: 'click', across: 'group' },
      { token, outcome: 'reject', reason: 7 },
    ])

    const position = expect.stringMatching(/^hs1\./)
    const error = expect.objectContaining({ code: 'INVALID' })
    expect(body).toEqual({
      results: [{ position, confirmed: true }, { position }, { position }, { error }, { error }],
    })
    expect(node.records.slice(1)).toMatchObject([{ reason: 'cancel' }, { across: 'group' }])
  })

  it('refuses a token of other keys with 403', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const others = new TokenKeys(`test:${Buffer.alloc(32, 9).toString('base64')}`)
    const foreign = others.sign(node.tokenKeys.verify(node.token(ann, inAMinute), 0))

    const { status, body } = await post(`${url}/v1/outcomes`, { token: foreign, outcome: 'click' })

    expect(status).toBe(403)
    expect(body).toMatchObject({ code: 'FORBIDDEN', retryable: false })
    expect(node.records).toEqual([])
  })

  it('answers a list in MessagePack for client libraries', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const report = { token: node.token(ann, inAMinute), outcome: 'accept', at: 1, id: 'o1' }

    const answer = await postBytes(
      `${url}/v1/outcomes`,
      encode([report, { ...report, token: 'x' }]),
    )

    expect(decode(answer)).toEqual([
      { position: expect.stringMatching(/^hs1\./), confirmed: true },
      { error: { code: 'MALFORMED', message: expect.any(String) } },
    ])
  })
})
