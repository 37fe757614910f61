import { expect, it } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { ask, deciderOf, question } from '../../support/deciding-replica.ts'
import { anon, batch, event, ownBatch, start } from '../../support/records.ts'
import { Replica } from '../../support/replica.ts'

const key = anon(1)

async function opened() {
  const clock = new ManualClock(start)
  const log = new MemoryLog(1, () => clock.now())
  const world = { log, clock, disk: new MemoryStore() }
  const replica = await Replica.start(world)
  await log.append(0, ownBatch(1, 1, { kind: 'playbook', epoch: 1, version: 1, hash: 'h' }), 'own')
  await expect.poll(() => replica.shards[0]?.state.playbook.version).toBe(1)
  const logged: string[] = []
  const note = ({ decision }: { decision: string }) => void logged.push(decision)
  return {
    world,
    replica,
    logged,
    decider: deciderOf(world, replica, replica.shards, [1], { note }),
  }
}

const pages = [1, 2].map((n) => batch('client', n, [event(key, `page-${n}`, start - n)]))

it('bots: default content without a token, and nothing counted, logged or kept', async () => {
  const { replica, logged, decider } = await opened()
  const placements = ['hero', 'nowhere']
  const asBot = question(key, { decision: 'bot', placements, pending: pages, isBot: true })
  const asPerson = question(key, { decision: 'person', placements, pending: pages })

  const { answers } = await ask(decider, asBot, asBot, asPerson)

  const defaults = {
    kind: 'decision',
    decision: 'bot',
    playbook: 1,
    freshness: 'fresh',
    placements: [
      { placement: 'hero', reason: 'fallback', propositions: [{ content: 'none' }] },
      { placement: 'nowhere', error: { code: 'UNKNOWN_PLACEMENT' } },
    ],
  }
  expect(answers.slice(0, 2)).toMatchObject([defaults, defaults])
  expect(answers[0]).not.toHaveProperty(['placements', 0, 'propositions', 0, 'token'])
  expect(answers[2]).toMatchObject({ placements: [{ reason: 'rules' }, {}] })
  expect(logged).toEqual(['person'])
  expect(replica.observer.decisions).toBe(1)
})

it('bots: nobody comes to memory for one', async () => {
  const { replica, decider } = await opened()

  await ask(decider, question(key, { isBot: true }))

  expect(replica.actors.count).toBe(0)
})

it('bots: one that asks a node without its shard is told where to go', async () => {
  const { world, replica } = await opened()

  const { answers } = await ask(
    deciderOf(world, replica, [undefined]),
    question(key, { isBot: true }),
  )

  expect(answers[0]).toMatchObject({ kind: 'error', error: { code: 'MOVED' } })
})
