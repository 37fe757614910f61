import { connect } from '@halfsecond/client'
import { decode } from '@halfsecond/protocol'
import { TokenKeys } from '@halfsecond/protocol/token'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FakeNode } from './support/fake-node.ts'
import { startServer } from './support/running-server.ts'

/** The doors as the client library uses them. */
describe('a client over HTTP', () => {
  it('records, decides and brings outcomes back', async () => {
    const node = new FakeNode()
    const { url, answered } = await startServer(node)
    const client = connect(url)
    onTestFinished(() => client.close())
    const visitor = client.visitor({ anon: 'x' })

    const position = await visitor.track('page', { path: '/' })
    const decision = await visitor.decide('home')
    const outcome = await client.outcome(decision.token ?? '', 'accept')

    expect(position?.incarnation).toBe(100 + outcome.shard)
    expect(outcome).toEqual({ ...position, sequence: (position?.sequence ?? 0) + 1 })
    expect(decision).toMatchObject({ offer: 'card', reason: 'rules', error: undefined })
    expect(node.records).toMatchObject([
      { kind: 'event', name: 'page' },
      { kind: 'outcome', outcome: 'accept', decision: decision.decision },
    ])
    expect(new Set(answered)).toEqual(
      new Set(['/v1/map 200', '/v1/events 200', '/v1/decide 200', '/v1/outcomes 200']),
    )
  })

  it('brings landings, which links the device to the reader', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const client = connect(url)
    onTestFinished(() => client.close())
    const visitor = client.visitor({ anon: 'x' })
    const reader = client.visitor({ email: 'ann@example.org' })

    const position = await visitor.landed(node.token(reader.key, Date.now() + 60_000))
    await visitor.decide('home')

    expect(node.records).toMatchObject([
      { kind: 'link', key: 'anon:x', to: 'email:ann@example.org', strength: 'authenticated' },
    ])
    const [frame = new Uint8Array(0)] = node.frames
    const { shard, incarnation, sequence } = position ?? {}
    expect(decode(frame)).toMatchObject({
      questions: [{ positions: [[shard, incarnation, sequence]] }],
    })
  })

  it('hears the code of a refusal', async () => {
    const { url } = await startServer(new FakeNode())
    const client = connect(url)
    onTestFinished(() => client.close())
    const others = new FakeNode()
    const said = others.tokenKeys.verify(
      others.token(client.visitor({ anon: 'x' }).key, Date.now()),
      0,
    )
    const token = new TokenKeys(`test:${Buffer.alloc(32, 9).toString('base64')}`).sign(said)

    await expect(client.outcome(token, 'click')).rejects.toMatchObject({
      code: 'FORBIDDEN',
    })
  })
})
