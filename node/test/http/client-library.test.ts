import { connect } from '@halfsecond/client'
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

  it('hears the code of a refusal', async () => {
    const { url } = await startServer(new FakeNode())
    const client = connect(url)
    onTestFinished(() => client.close())
    const foreign = new FakeNode()
    const token = foreign.token(foreign.client.visitor({ anon: 'x' }).key, Date.now() - 5)

    await expect(client.outcome(token, 'click')).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})
