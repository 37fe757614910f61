import { HalfsecondError, type LinkRecord } from '@halfsecond/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Client, type ClientOptions, connectOver } from '../src/index.ts'
import { never, readBatch, ScriptedTransport } from './support/scripted-transport.ts'
import { keysText, tokenOf } from './support/token-of.ts'

const inAMinute = Date.now() + 60_000

async function start(
  options: ClientOptions = {},
): Promise<{ transport: ScriptedTransport; client: Client }> {
  const transport = new ScriptedTransport()
  const client = connectOver(transport, options)
  onTestFinished(() => client.close(0))
  await client.ready()
  return { transport, client }
}

/** Lower end, upper end and strength of every link that was recorded. */
function linksIn(transport: ScriptedTransport): readonly (readonly string[])[] {
  return transport.published
    .flatMap(({ records }) => records)
    .filter((record): record is LinkRecord => record.kind === 'link')
    .map(({ key, to, strength }) => [key, to, strength])
}

/** What a decide brings: who is asked about, and what waits to be acknowledged. */
function broughtTo(transport: ScriptedTransport) {
  const question = transport.asked.at(-1)?.[0]
  return {
    identifiers: question?.identifiers,
    pending: question?.pending.map((batch) => readBatch(batch).names),
    positions: question?.positions,
  }
}

describe('identify', () => {
  it('takes a login for proof, and an address for what was typed', async () => {
    const { transport, client } = await start()

    await client.visitor({ anon: 'a' }).identify({ user: 'u', crm: 'c', email: 'e@x.org' })

    expect(linksIn(transport)).toEqual([
      ['anon:a', 'user:u', 'authenticated'],
      ['crm:c', 'user:u', 'authenticated'],
      ['email:e@x.org', 'user:u', 'asserted'],
    ])
  })

  it('takes an address for proof where the site has verified it', async () => {
    const { transport, client } = await start()

    const verified = ['email']
    await client.visitor({ anon: 'a' }).identify({ email: 'e@x.org' }, {}, { verified })
    await client.visitor({ anon: 'b' }).identify({ user: 'u', email: 'f@x.org' }, {}, { verified })
    await client.visitor({ anon: 'c' }).identify({ phone: '+4420', email: 'g@x.org' })

    expect(linksIn(transport)).toEqual([
      ['anon:a', 'email:e@x.org', 'authenticated'],
      ['anon:b', 'user:u', 'authenticated'],
      ['email:f@x.org', 'user:u', 'authenticated'],
      ['anon:c', 'email:g@x.org', 'asserted'],
      ['phone:+4420', 'email:g@x.org', 'asserted'],
    ])
  })

  it('sends every link with the next decision, until it is acknowledged and its position goes', async () => {
    const { transport, client } = await start()
    let acknowledge = () => {}
    transport.onPublish = () => new Promise((resolve) => (acknowledge = () => resolve(12)))
    const visitor = client.visitor({ anon: 'a' })

    const identified = visitor.identify({ user: 'u', email: 'e@x.org' })
    await visitor.decide('hero')
    const before = broughtTo(transport)
    acknowledge()
    await identified
    await visitor.decide('hero')

    expect(before).toEqual({
      identifiers: ['anon:a', 'user:u', 'email:e@x.org'],
      pending: [['link'], ['link']],
      positions: [],
    })
    expect(broughtTo(transport)).toMatchObject({ pending: [], positions: [[0, 7, 12]] })
  })
})

describe('alias', () => {
  it('links to the greatest, and leaves the visitor who it was', async () => {
    const { transport, client } = await start()
    const visitor = client.visitor({ anon: 'a' })

    await visitor.alias({ crm: 'c', email: 'e@x.org' })
    await visitor.track('page')
    await visitor.decide('hero')

    expect(linksIn(transport)).toEqual([
      ['anon:a', 'crm:c', 'authenticated'],
      ['email:e@x.org', 'crm:c', 'asserted'],
    ])
    expect(visitor.known).toEqual(['anon:a'])
    expect(transport.published.at(-1)?.records).toMatchObject([{ key: 'anon:a', name: 'page' }])
    expect(broughtTo(transport).identifiers).toEqual(['anon:a'])
  })

  it('has the link of a lesser identifier go with the next decision', async () => {
    const { transport, client } = await start()
    transport.onPublish = () => never()
    const visitor = client.visitor({ user: 'u' })

    void visitor.alias({ crm: 'c' })
    await visitor.decide('hero')

    expect(visitor.key).toBe('user:u')
    expect(broughtTo(transport)).toMatchObject({
      identifiers: ['user:u', 'crm:c'],
      pending: [['link']],
    })
  })

  it('has nothing to record for who is known as that already', async () => {
    const { transport, client } = await start()

    const position = await client.visitor({ user: 'u' }).alias({ user: 'u' })

    expect(position).toBeUndefined()
    expect(transport.published).toEqual([])
  })

  it('rejects what cannot be an identifier', async () => {
    const { client } = await start()

    const linked = client.visitor({ user: 'u' }).alias({ passport: 'p' })

    await expect(linked).rejects.toMatchObject({ code: 'UNKNOWN_NAMESPACE' })
    expect(client.stats().dropped).toEqual({ UNKNOWN_NAMESPACE: 1 })
  })
})

describe('a reset', () => {
  it('has later records and decisions name the device alone', async () => {
    const { transport, client } = await start()
    const visitor = client.visitor({ anon: 'a' })
    await visitor.identify({ user: 'u', email: 'e@x.org' })

    await visitor.reset()
    await visitor.track('page')
    await visitor.decide('hero')

    const [logout, page] = transport.published.slice(-2).map(({ records }) => records)
    expect(logout).toMatchObject([{ kind: 'logout', key: 'anon:a' }])
    expect(page).toMatchObject([{ name: 'page', key: 'anon:a' }])
    expect(broughtTo(transport).identifiers).toEqual(['anon:a'])
  })
})

describe('a landing', () => {
  it('links the device to the reader of the message, known to the very next decision', async () => {
    const { transport, client } = await start({ tokenKeys: keysText })
    transport.onPublish = () => never()
    const visitor = client.visitor({ anon: 'a' })

    void visitor.landed(tokenOf(inAMinute, keysText, 'email:e@x.org'))
    await visitor.decide('hero')

    expect(linksIn(transport)).toEqual([['anon:a', 'email:e@x.org', 'authenticated']])
    expect(visitor.known).toEqual(['anon:a'])
    expect(broughtTo(transport).pending).toEqual([['link']])
  })

  it('says nothing of somebody who is logged in: the message may have been passed on', async () => {
    const { transport, client } = await start({ tokenKeys: keysText })
    const token = tokenOf(inAMinute, keysText, 'email:e@x.org')

    const landed = await client.visitor({ anon: 'a', user: 'u' }).landed(token)

    expect(landed).toBeUndefined()
    expect(linksIn(transport)).toEqual([])
  })

  it.each([
    [
      'of other keys',
      tokenOf(inAMinute, `k1:${Buffer.alloc(32, 2).toString('base64')}`),
      'FORBIDDEN',
    ],
    ['that has expired', tokenOf(Date.now() - 1, keysText, 'email:e@x.org'), 'FORBIDDEN'],
    ['that is none', 'landed', 'MALFORMED'],
    ['of a browser', tokenOf(inAMinute, keysText, 'anon:b'), 'INVALID'],
  ])('by a token %s links nobody', async (_, token, code) => {
    const { transport, client } = await start({ tokenKeys: keysText })

    await expect(client.visitor({ anon: 'a' }).landed(token)).rejects.toMatchObject({ code })

    expect(transport.published).toEqual([])
    expect(client.stats().dropped).toEqual({ [code]: 1 })
  })

  it('on no device leaves nothing to record', async () => {
    const { client } = await start({ tokenKeys: keysText })

    const landed = client.visitor({ user: 'u' }).landed(tokenOf(inAMinute, keysText, 'crm:c'))

    expect(await landed).toBeUndefined()
  })

  it('that a node checks is waited for by the next decision, which brings its position', async () => {
    const { transport, client } = await start()
    let answer = () => {}
    transport.onLanding = (_token, device) =>
      new Promise((resolve) => {
        answer = () => resolve({ shard: device === 'anon:a' ? 0 : 1, incarnation: 7, sequence: 31 })
      })
    const visitor = client.visitor({ anon: 'a' })

    void visitor.landed(tokenOf(inAMinute, keysText, 'email:e@x.org'))
    const decided = visitor.decide('hero')
    await new Promise(setImmediate)
    const askedEarly = transport.asked.length
    answer()
    const { reason } = await decided

    expect([askedEarly, reason]).toEqual([0, 'rules'])
    expect(broughtTo(transport).positions).toEqual([[0, 7, 31]])
  })

  it('that no node checks in time takes the decision no more than its deadline', async () => {
    const { client } = await start({ deadlineMs: 2_000 })
    const visitor = client.visitor({ anon: 'a' })

    void visitor.landed(tokenOf(inAMinute, keysText, 'email:e@x.org'))
    const startedAt = performance.now()
    await visitor.decide('hero', { deadlineMs: 60 })

    expect(performance.now() - startedAt).toBeLessThan(1_500)
  })

  it('that a node refuses is forgotten', async () => {
    const { transport, client } = await start()
    transport.onLanding = () => Promise.reject(new HalfsecondError('FORBIDDEN', 'not ours'))
    const visitor = client.visitor({ anon: 'a' })

    const landed = visitor.landed(tokenOf(inAMinute, keysText, 'email:e@x.org'))
    const decision = await visitor.decide('hero')

    await expect(landed).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(decision.reason).toBe('rules')
  })
})
