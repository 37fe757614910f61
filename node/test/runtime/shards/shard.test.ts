import { expect, test } from 'vitest'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { anon, batch, event, ownBatch, start } from '../../support/records.ts'
import { Replica, type World } from '../../support/replica.ts'

function world(): World & { readonly log: MemoryLog; readonly clock: ManualClock } {
  const clock = new ManualClock(start)
  const log = new MemoryLog(1, () => clock.now())
  log.isAutomatic = false
  return { log, clock, disk: new MemoryStore() }
}

function page(i: number): Uint8Array {
  return batch('p', i, [event(anon(1), `e${i}`, start)])
}

test('a shard is recovering until it has folded all that the log has', async () => {
  const one = world()
  for (let i = 1; i <= 3; i++) await one.log.append(0, page(i), 'log')
  const { shard } = await Replica.start(one)

  one.log.deliver(0, 3)
  const before = shard.status
  one.log.deliver(0)

  expect([before, shard.status]).toEqual(['recovering', 'following'])
  expect(shard.state.applied).toBe(3)
})

test('a shard is fresh for a second after the log said that there is nothing more, not after one of many entries', async () => {
  const one = world()
  const { shard } = await Replica.start(one)
  const never = shard.isFresh
  one.log.deliver(0)
  one.clock.advance(1_000)
  const confirmed = shard.isFresh
  one.clock.advance(1)
  const silent = shard.isFresh
  await one.log.append(0, page(1), 'log')
  await one.log.append(0, page(2), 'log')
  one.log.deliver(0, 1)
  const behind = shard.isFresh
  one.log.deliver(0)
  const again = shard.isFresh

  expect([never, confirmed, silent, behind, again]).toEqual([false, true, false, false, true])
})

test('the wall clock does not make a shard fresh or stale', async () => {
  const one = world()
  const { shard } = await Replica.start(one)
  one.log.deliver(0)

  one.clock.jump(3_600_000)
  const ahead = shard.isFresh
  one.clock.jump(-7_200_000)

  expect([ahead, shard.isFresh]).toEqual([true, true])
})

test('whoever waits for a position is told when it is folded', async () => {
  const one = world()
  const { shard } = await Replica.start(one)
  await one.log.append(0, page(1), 'log')
  await one.log.append(0, page(2), 'log')
  const told: string[] = []
  const first = shard.reached(1, 50).then((reached) => told.push(`1 ${reached}`))
  const second = shard.reached(2, 50).then((reached) => told.push(`2 ${reached}`))

  one.log.deliver(0, 1)
  await first
  const afterOne = [...told]
  one.log.deliver(0, 1)
  await second

  expect(afterOne).toEqual(['1 true'])
  expect(told).toEqual(['1 true', '2 true'])
  expect(await shard.reached(2, 50)).toBe(true)
})

test('whoever waits for too long is told so, and not again when it is folded after all', async () => {
  const one = world()
  const { shard } = await Replica.start(one)
  await one.log.append(0, page(1), 'log')
  const waiting = shard.reached(1, 50)

  one.clock.advance(50)
  one.log.deliver(0)

  expect(await waiting).toBe(false)
})

test('whoever waits is told when the shard is closed', async () => {
  const one = world()
  const { shard } = await Replica.start(one)
  const waiting = shard.reached(1, 60_000)

  await shard.close()

  expect(await waiting).toBe(false)
})

test('an own entry that cannot be read parks the shard: it says why and folds nothing more', async () => {
  const one = world()
  const replica = await Replica.start(one)
  const { shard } = replica
  one.log.deliver(0)
  await one.log.append(0, page(1), 'log')
  await one.log.append(0, new Uint8Array([0xc1]), 'own')
  await one.log.append(0, page(2), 'log')

  one.log.deliver(0)

  expect(shard.status).toBe('parked')
  expect(shard.isFresh).toBe(false)
  expect(shard.state.applied).toBe(1)
  expect(shard.stopped).toContain('entry 2 of shard 0 cannot be folded')
  expect(replica.observer.failures).toEqual([expect.stringContaining('own entry 2')])
})

test('a shard that is parked while it recovers does not keep anybody waiting', async () => {
  const one = world()
  await one.log.append(0, new Uint8Array([0xc1]), 'own')
  const { followed } = await Replica.start(one)

  one.log.deliver(0)

  expect(await Promise.all(followed)).toEqual([expect.stringContaining('cannot be folded')])
})

test('what was folded before a shard was parked is written, and it parks again after a restart', async () => {
  const one = world()
  const replica = await Replica.start(one)
  await one.log.append(0, page(1), 'log')
  await one.log.append(0, batch('primary:1', 1, [{ kind: 'barrier', epoch: 1 }]), 'own')
  one.log.deliver(0)

  await replica.flush()
  await replica.crash()
  const again = await Replica.start(one)
  one.log.deliver(0)

  expect(again.shard.status).toBe('parked')
  expect(again.shard.state.applied).toBe(1)
  expect(again.shard.read(anon(1))?.open.count).toBe(1)
})

const histories: readonly [string, (log: MemoryLog) => unknown, string][] = [
  ['lost its newest entries', (log) => log.loseSuffix(0, 1), 'the log lost entries'],
  [
    'lost its newest entry and took another',
    (log) => {
      log.loseSuffix(0, 1)
      return log.append(0, page(99), 'log')
    },
    'holds another entry',
  ],
  ['was created anew', (log) => log.recreate(0), 'was created anew'],
  [
    'was trimmed beyond what the store has',
    async (log) => {
      for (let i = 4; i <= 9; i++) await log.append(0, page(i), 'log')
      log.trim(0, 6)
    },
    'no longer has entry 4',
  ],
]

test.each(histories)(
  'a log that %s is not followed, and a human is told',
  async (_, change, why) => {
    const one = world()
    const replica = await Replica.start(one)
    for (let i = 1; i <= 3; i++) await one.log.append(0, page(i), 'log')
    one.log.deliver(0)
    await replica.flush()
    await replica.crash()
    await change(one.log)

    const again = await Replica.start(one)
    await again.turn()
    one.log.deliver(0)

    expect(again.shard.status).toBe('discontinued')
    expect(again.shard.stopped).toContain(why)
    expect(again.observer.notes).toEqual([again.shard.stopped])
    expect(again.shard.state.applied).toBe(3)
  },
)

test('a store of another number of shards is refused', async () => {
  const one = world()
  const replica = await Replica.start(one)
  await one.log.append(0, page(1), 'log')
  one.log.deliver(0)
  await replica.flush()

  const log = new MemoryLog(2, () => start)
  await expect(Replica.start({ ...one, log })).rejects.toThrow('made for 1 shards')
})

test('leadership, time and the playbook survive a restart', async () => {
  const one = world()
  const replica = await Replica.start(one)
  await one.log.append(0, ownBatch(4, 1, { kind: 'primary', epoch: 4, node: 'n' }), 'own')
  await one.log.append(0, ownBatch(4, 2, { kind: 'tick', epoch: 4, wall: start }), 'own')
  await one.log.append(
    0,
    ownBatch(4, 3, { kind: 'playbook', epoch: 4, version: 3, hash: 'h3' }),
    'own',
  )
  // A jump that waits for its confirmation is part of the state.
  one.clock.advance(3_600_000)
  await one.log.append(0, ownBatch(4, 4, { kind: 'tick', epoch: 4, wall: one.clock.now() }), 'own')
  one.log.deliver(0)
  const { time } = replica.shard.state
  await replica.flush()
  await replica.crash()

  const { state } = (await Replica.start(one)).shard

  expect(state).toMatchObject({ applied: 4, epoch: 4, playbook: { version: 3, hash: 'h3' } })
  expect(state.time.stored()).toEqual(time.stored())
  expect(state.time.stored()).toEqual([start, start + 3_600_000])
})
