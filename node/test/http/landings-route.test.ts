import { decode, encode, parseIdentifier } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { FakeNode } from './support/fake-node.ts'
import { post, postBytes, startServer } from './support/running-server.ts'

const ann = parseIdentifier('email:ann@example.org')
const inAMinute = Date.now() + 60_000

describe('POST /v1/landings', () => {
  it('links the device to whom the token was made for', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const token = node.token(ann, inAMinute)

    const landing = { token, device: 'anon:x', id: 'l1', at: 1_700_000_000_000 }
    const { status, body } = await post(`${url}/v1/landings`, landing)

    expect(status).toBe(200)
    expect(body).toEqual({ results: [{ position: expect.stringMatching(/^hs1\./) }] })
    expect(node.records).toEqual([
      {
        kind: 'link',
        key: 'anon:x',
        to: ann,
        strength: 'authenticated',
        id: 'l1',
        at: 1_700_000_000_000,
      },
    ])
  })

  it('judges each of a list on its own', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const token = node.token(ann, inAMinute)

    const { status, body } = await post(`${url}/v1/landings`, [
      { token, device: 'anon:x' },
      { token: node.token(ann, Date.now() - 1), device: 'anon:x' },
      { token: node.token(parseIdentifier('anon:y'), inAMinute), device: 'anon:x' },
      { token, device: 'user:17' },
      { token, device: 'passport:5' },
      { token, device: 5 },
      { token },
      { token: 'x', device: 'anon:x' },
      { device: 'anon:x' },
      { token, device: 'anon:x', at: -1 },
    ])

    expect(status).toBe(207)
    expect(body).toMatchObject({
      results: [
        { position: expect.any(String) },
        { error: { code: 'FORBIDDEN' } },
        { error: { code: 'INVALID' } },
        { error: { code: 'INVALID' } },
        { error: { code: 'UNKNOWN_NAMESPACE' } },
        { error: { code: 'INVALID' } },
        { error: { code: 'INVALID' } },
        { error: { code: 'MALFORMED' } },
        { error: { code: 'INVALID' } },
        { error: { code: 'INVALID' } },
      ],
    })
    expect(node.records).toHaveLength(1)
  })

  it('answers MessagePack with MessagePack', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const landing = { token: node.token(ann, inAMinute), device: 'anon:x' }

    const answer = await postBytes(`${url}/v1/landings`, encode([landing]))

    expect(decode(answer)).toEqual([{ position: expect.any(String) }])
  })
})
