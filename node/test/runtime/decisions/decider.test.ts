import type { Answer } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { ask, deciderOf, question } from '../../support/deciding-replica.ts'
import { anon, batch, event, ownBatch, start } from '../../support/records.ts'
import { Replica } from '../../support/replica.ts'

const key = anon(1)
const incarnation = 1_000

async function opened(versions: readonly number[] = [1]) {
  const clock = new ManualClock(start)
  const log = new MemoryLog(1, () => clock.now())
  log.isAutomatic = false
  const world = { log, clock, disk: new MemoryStore() }
  const replica = await Replica.start(world)
  await log.append(0, ownBatch(1, 1, { kind: 'playbook', epoch: 1, version: 1, hash: 'h' }), 'own')
  log.deliver(0)
  return { clock, log, replica, decider: deciderOf(world, replica, replica.shards, versions) }
}

/** A batch of one page view, number n. */
function page(n: number, producer = 'client', visitor = key): Uint8Array {
  return batch(producer, n, [event(visitor, `${producer}-${n}`, start - n)])
}

/** What is shown at the first placement, and how fresh that is. */
function shown(answer: Answer | undefined): string {
  if (answer?.kind !== 'decision') return JSON.stringify(answer)
  const [placement] = answer.placements
  if (placement === undefined || 'error' in placement) return JSON.stringify(placement)
  return `${String(placement.propositions[0]?.content)}, ${answer.freshness}`
}

test('a decide answers from memory at once, with token, position and playbook', async () => {
  const { log, decider } = await opened()
  await log.append(0, page(1), 'log')
  log.deliver(0)

  const frame = await ask(decider, question(key, { placements: ['hero', 'nowhere', 'side'] }))

  const proposition = {
    content: 'one',
    offer: 'one',
    treatment: 'banner',
    token: 'token of one in d1',
  }
  expect(frame).toMatchObject({
    v: 1,
    epoch: 7,
    answers: [
      {
        kind: 'decision',
        decision: 'd1',
        playbook: 1,
        freshness: 'fresh',
        position: [0, incarnation, 2],
        placements: [
          { placement: 'hero', reason: 'rules', propositions: [proposition] },
          { placement: 'nowhere', error: { code: 'UNKNOWN_PLACEMENT' } },
          { placement: 'side' },
        ],
      },
    ],
  })
  expect(frame.answers[0]).not.toHaveProperty('positionReset')
})

test('a visitor of whom nothing is known gets default content, and leaves nothing behind', async () => {
  const { replica, decider } = await opened()

  const { answers } = await ask(decider, question(anon(77)))

  expect(shown(answers[0])).toBe('none, fresh')
  expect(replica.actors.count).toBe(0)
})

test('pending records count, before they are anywhere', async () => {
  const { decider } = await opened()

  const { answers } = await ask(
    decider,
    question(key),
    question(key, { pending: [page(1)] }),
    question(key, { pending: [page(1), page(2)] }),
    question(key),
  )

  expect(answers.map(shown)).toEqual(['none, fresh', 'one, fresh', 'two, fresh', 'none, fresh'])
})

test('pending records are not counted twice once they are folded, on whatever way they came', async () => {
  const { log, decider } = await opened()
  const pending = [page(1), page(2)]
  await log.append(0, page(1), 'log')
  log.deliver(0)
  const half = await ask(decider, question(key, { pending }))
  // The second one arrives through another producer: a node that the client handed it to.
  await log.append(0, batch('node', 1, [event(key, 'client-2', start - 2)]), 'log')
  log.deliver(0)

  const all = await ask(decider, question(key, { pending: [...pending, ...pending] }))

  expect(shown(half.answers[0])).toBe('two, fresh')
  expect(shown(all.answers[0])).toBe('two, fresh')
})

test('pending records of others, and such as no rule accepts, do not count', async () => {
  const { decider } = await opened()
  const pending = [
    page(1, 'client', anon(2)),
    batch('client', 2, [{ ...event(key, 'x', start), name: 'accept' }]),
    batch('client', 3, [{ kind: 'erase', id: 'x', key, at: start, eraseId: 'e' }]),
  ]

  const { answers } = await ask(decider, question(key, { pending }))

  expect(shown(answers[0])).toBe('none, fresh')
})

test("a pending record counts after those folded before it, also where the node's clock is late", async () => {
  const { clock, log, decider } = await opened()
  const consent = { kind: 'consent', key, purpose: 'personalise' }
  await log.append(0, page(1), 'log')
  const refused = { ...consent, id: 'c-2', at: start, granted: false }
  await log.append(0, batch('client', 2, [refused]), 'log')
  log.deliver(0)
  clock.jump(-3_600_000)
  const granted = { ...consent, id: 'c-3', at: start + 1, granted: true }

  const before = await ask(decider, question(key))
  const after = await ask(decider, question(key, { pending: [batch('client', 3, [granted])] }))

  expect(shown(before.answers[0])).toBe('none, fresh')
  expect(shown(after.answers[0])).toBe('one, fresh')
})

test('a pending batch that is none fails its question alone', async () => {
  const { decider } = await opened()

  const { answers } = await ask(
    decider,
    question(key, { pending: [new Uint8Array([0xc1])] }),
    question(key),
  )

  expect(answers[0]).toMatchObject({ kind: 'error', error: { code: 'MALFORMED' } })
  expect(shown(answers[1])).toBe('none, fresh')
})

test('a decide waits for a position, and counts what was folded meanwhile once', async () => {
  const { log, decider } = await opened()
  await log.append(0, page(1), 'log')
  const answer = ask(
    decider,
    question(key, { positions: [[0, incarnation, 2]], pending: [page(1), page(2)] }),
  )

  log.deliver(0)

  expect(shown((await answer).answers[0])).toBe('two, fresh')
})

test('a position that is not reached in 50 ms is answered from what is there, as stale', async () => {
  const { clock, log, decider } = await opened()
  await log.append(0, page(1), 'log')
  let isAnswered = false
  const answer = ask(decider, question(key, { positions: [[0, incarnation, 2]] })).then((frame) => {
    isAnswered = true
    return frame
  })

  clock.advance(49)
  await new Promise((resolve) => setImmediate(resolve))
  const early = isAnswered
  clock.advance(1)

  expect(early).toBe(false)
  expect(shown((await answer).answers[0])).toBe('none, stale')
})

test('a short deadline leaves a quarter of itself for waiting', async () => {
  const { clock, decider } = await opened()
  const answer = ask(decider, question(key, { positions: [[0, incarnation, 9]], deadline: 80 }))

  clock.advance(20)

  expect(shown((await answer).answers[0])).toBe('none, stale')
})

test('an answer is stale once the log has been silent for more than a second', async () => {
  const { clock, decider } = await opened()
  clock.advance(1_001)

  const { answers } = await ask(decider, question(key))

  expect(shown(answers[0])).toBe('none, stale')
})

test('a position of an earlier life of the log is dropped, and the answer says so', async () => {
  const { decider } = await opened()

  const { answers } = await ask(
    decider,
    question(key, { positions: [[0, incarnation + 1, 1_000_000]] }),
  )

  expect(answers[0]).toMatchObject({ freshness: 'fresh', positionReset: true })
})

test('positions of other shards are not waited for', async () => {
  const { decider } = await opened()

  const { answers } = await ask(decider, question(key, { positions: [[3, incarnation, 99]] }))

  expect(shown(answers[0])).toBe('none, fresh')
})

test('awaiting a position says when it is reached, and NOT_CAUGHT_UP when it is not in time', async () => {
  const { clock, log, decider } = await opened()
  await log.append(0, page(1), 'log')
  const wait = (sequence: number) =>
    ({ kind: 'await', position: [0, incarnation, sequence], deadline: 300 }) as const
  const waiting = Promise.all([ask(decider, wait(1)), ask(decider, wait(2)), ask(decider, wait(3))])

  log.deliver(0)
  clock.advance(300)
  const [past, reached, never] = (await waiting).map(({ answers }) => answers[0])

  expect(past).toEqual({ kind: 'reached', position: [0, incarnation, 1] })
  expect(reached).toEqual({ kind: 'reached', position: [0, incarnation, 2] })
  expect(never).toMatchObject({ kind: 'error', error: { code: 'NOT_CAUGHT_UP' } })
})

test('a shard that this node does not hold has MOVED', async () => {
  const { clock, replica } = await opened()
  const decider = deciderOf({ clock }, replica, [undefined])

  const { answers } = await ask(decider, question(key), {
    kind: 'await',
    position: [0, incarnation, 1],
    deadline: 100,
  })

  expect(answers).toMatchObject([
    { kind: 'error', error: { code: 'MOVED' } },
    { kind: 'error', error: { code: 'MOVED' } },
  ])
})

test('a shard that is recovering, or parked, is UNAVAILABLE and says why', async () => {
  const { log, replica, decider, clock } = await opened()
  const recovering = await Replica.start({ log, clock, disk: new MemoryStore() })
  const early = await ask(deciderOf({ clock }, recovering, recovering.shards), question(key))
  await log.append(0, new Uint8Array([0xc1]), 'own')
  log.deliver(0)

  const parked = await ask(decider, question(key))

  expect(early.answers[0]).toMatchObject({ error: { code: 'UNAVAILABLE' } })
  expect(parked.answers[0]).toMatchObject({
    error: { code: 'UNAVAILABLE', message: replica.shard.stopped },
  })
})

test('without a playbook a decide is UNAVAILABLE and says what to do', async () => {
  const { decider } = await opened([])

  const { answers } = await ask(decider, question(key))

  expect(answers[0]).toMatchObject({
    error: { code: 'UNAVAILABLE', message: expect.stringContaining('playbook publish') },
  })
})

test('while a new playbook is being fetched the one before decides', async () => {
  const { log, decider } = await opened()
  await log.append(0, ownBatch(1, 2, { kind: 'playbook', epoch: 1, version: 5, hash: 'h5' }), 'own')
  log.deliver(0)

  const { answers } = await ask(decider, question(key))

  expect(answers[0]).toMatchObject({ kind: 'decision', playbook: 1 })
})

test('a faulty question fails alone; bytes that are no frame get one error', async () => {
  const { decider } = await opened()

  const { answers } = await ask(
    decider,
    { kind: 'drop' },
    question(key, { identifiers: [] }),
    { ...question(key), identifiers: ['cookie:1'] },
    { ...question(key), deadline: Number.NaN },
    question(key),
  )
  const garbage = await ask(decider, ...Array.from({ length: 49 }, () => question(key)))

  expect(answers.map((answer) => (answer.kind === 'error' ? answer.error.code : 'ok'))).toEqual([
    'INVALID',
    'INVALID',
    'UNKNOWN_NAMESPACE',
    'INVALID',
    'ok',
  ])
  expect(garbage.answers).toMatchObject([{ error: { code: 'TOO_LARGE' } }])
})

test('a decide changes no fact, whatever is pending', async () => {
  const { log, replica, decider } = await opened()
  await log.append(0, page(1), 'log')
  log.deliver(0)
  await replica.flush()
  const before = replica.view(replica.shard, key)

  await ask(
    decider,
    question(key, {
      pending: [
        batch('client', 2, [
          event(key, 'x', start),
          { kind: 'traits', id: 't', key, at: start, set: { tier: 'gold' }, unset: [] },
          { kind: 'consent', id: 'c', key, at: start, purpose: 'personalise', granted: false },
        ]),
      ],
    }),
  )

  expect(replica.view(replica.shard, key)).toEqual(before)
  expect(replica.shard.memory.hasUnsaved).toBe(false)
})

test('an explanation counts as no decision', async () => {
  const { replica, decider } = await opened()
  const asked = question(key, { placements: ['hero', 'nowhere'] })

  decider.explain(asked)
  const afterExplanation = [replica.observer.decisions, ...replica.observer.refusals]
  await ask(decider, asked)

  expect(afterExplanation).toEqual([0])
  expect([replica.observer.decisions, ...replica.observer.refusals]).toEqual([
    1,
    'UNKNOWN_PLACEMENT',
  ])
})
