import { decode, encode, exportPositions, HalfsecondError } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { FakeNode } from './support/fake-node.ts'
import { post, postAs, postBytes, startServer } from './support/running-server.ts'

const visitor = { anon: 'x' }

describe('POST /v1/decide as JSON', () => {
  it('answers content, reason and token of each placement', async () => {
    const { url } = await startServer(new FakeNode())

    const { status, body } = await post(`${url}/v1/decide`, {
      identifiers: visitor,
      placements: ['home'],
    })

    const proposition = {
      content: { title: 'Card' },
      offer: 'card',
      treatment: 'web',
      token: expect.any(String),
    }
    expect(status).toBe(200)
    expect(body).toEqual({
      decisions: {
        home: {
          ...proposition,
          placement: 'home',
          reason: 'rules',
          freshness: 'fresh',
          playbook: 3,
          decision: expect.stringMatching(/^[0-9A-Z]{26}$/),
          propositions: [proposition],
        },
      },
      position: expect.stringMatching(/^hs1\./),
    })
  })

  it('waits for the positions that it is given, and for its own', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const given = { shard: 3, incarnation: 103, sequence: 41 }

    await post(`${url}/v1/decide`, {
      identifiers: ['anon:x', 'user:17'],
      placements: ['home'],
      position: exportPositions([given]),
      deadline: 250,
    })

    expect(decode(node.frames[0] ?? new Uint8Array())).toMatchObject({
      questions: [
        {
          identifiers: ['anon:x', 'user:17'],
          placements: ['home'],
          positions: [[3, 103, 41]],
        },
      ],
    })
  })

  it('asks for a bot as such', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)

    await post(`${url}/v1/decide`, { identifiers: visitor, placements: ['home'], isBot: true })

    expect(decode(node.frames[0] ?? new Uint8Array())).toMatchObject({
      questions: [{ identifiers: ['anon:x'], isBot: true }],
    })
  })

  it('puts the error of an unknown placement in its place', async () => {
    const { url } = await startServer(new FakeNode())

    const { status, body } = await post(`${url}/v1/decide`, {
      identifiers: visitor,
      placements: ['home', 'attic'],
    })

    expect(status).toBe(200)
    expect(body).toMatchObject({
      decisions: {
        home: { offer: 'card' },
        attic: { content: null, reason: 'unavailable', error: { code: 'UNKNOWN_PLACEMENT' } },
      },
    })
  })

  it('answers 404 where the playbook has none of the placements', async () => {
    const { url } = await startServer(new FakeNode())

    const { status, body } = await post(`${url}/v1/decide`, {
      identifiers: visitor,
      placements: ['attic', '__proto__'],
    })

    expect(status).toBe(404)
    expect(body).toMatchObject({ code: 'UNKNOWN_PLACEMENT', retryable: false })
  })

  it('answers default content with its reason where nobody decides', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    node.failure = new HalfsecondError('UNAVAILABLE', 'shard 1 is being recovered')

    const { status, body } = await post(`${url}/v1/decide`, {
      identifiers: visitor,
      placements: ['home'],
      deadline: 100,
    })

    expect(status).toBe(200)
    expect(body).toMatchObject({
      decisions: { home: { content: null, freshness: 'stale', playbook: 0 } },
    })
  })
})

describe('POST /v1/decide as MessagePack', () => {
  it('hands the frame to the node and its answer back, unchanged', async () => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const question = {
      kind: 'decide',
      decision: 'd1',
      identifiers: ['anon:x'],
      placements: ['home'],
      deadline: 100,
      positions: [],
      pending: [],
    }
    const frame = encode({ v: 1, questions: [question] })

    const answer = decode(await postBytes(`${url}/v1/decide`, frame))

    expect(node.frames.map((one) => Buffer.from(one))).toEqual([Buffer.from(frame)])
    expect(answer).toMatchObject({ v: 1, epoch: 1, answers: [{ decision: 'd1', playbook: 3 }] })
  })

  it('waits where the node waits', async () => {
    const node = new FakeNode()
    node.answerFrame = () => Promise.resolve(encode({ v: 1, epoch: 7, answers: [] }))
    const { url } = await startServer(node)

    const answer = decode(await postBytes(`${url}/v1/decide`, encode({ v: 1, questions: [] })))

    expect(answer).toMatchObject({ epoch: 7 })
  })

  it('passes a frame on to the node that it is for, for as long as its questions wait', async () => {
    const node = new FakeNode()
    const asked: unknown[] = []
    node.ask = async (to, _frame, timeoutMs) => {
      asked.push([to, timeoutMs])
      return encode({ v: 1, epoch: 8, answers: [] })
    }
    const { url } = await startServer(node)
    const question = { kind: 'await', position: [0, 100, 1] }
    const questions = [100, 250].map((deadline) => ({ ...question, deadline }))

    const answer = await postBytes(`${url}/v1/decide?node=n2`, encode({ v: 1, questions }))
    await postBytes(`${url}/v1/decide?node=n1`, encode({ v: 1, questions }))

    expect(decode(answer)).toMatchObject({ epoch: 8 })
    expect(asked).toEqual([['n2', 250]])
    expect(node.frames).toHaveLength(1)
  })

  it.each(['n2', 'n9', 'hs.>'])('says that %s is not there', async (to) => {
    const node = new FakeNode()
    const { url } = await startServer(node)
    const address = `${url}/v1/decide?node=${encodeURIComponent(to)}`
    const body = Buffer.from(encode({ v: 1, questions: [] }))

    const { status, body: problem } = await postAs(address, 'application/msgpack', body)

    expect({ status, problem }).toMatchObject({ status: 503, problem: { code: 'UNAVAILABLE' } })
    expect(node.passedOn).toEqual(to === 'n2' ? ['n2'] : [])
  })
})
