import { expect, test } from 'vitest'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { MemoryCluster } from '../../src/memory/memory-coordination.ts'
import { coordinationSuite } from '../suites/coordination-suite.ts'

coordinationSuite(
  'coordination in memory',
  () => {
    const cluster = new MemoryCluster(new ManualClock())
    return Promise.resolve({
      coordination: cluster.connect(),
      another: () => Promise.resolve(cluster.connect()),
      close: () => Promise.resolve(),
    })
  },
  { can: ['another'] },
)

test('a node that cannot reach the cluster neither reads nor writes; others go on', async () => {
  const { one, other } = twoNodes()
  one.isReachable = false

  const read = one.get('map')
  const written = one.compareAndSet('map', bytes('lost'), 0)

  await expect(read).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(written).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await other.compareAndSet('map', bytes('kept'), 0)).toBe(true)
})

test('a node that is told old values writes nothing by them', async () => {
  const { one, other } = twoNodes()
  await other.compareAndSet('map', bytes('1'), 0)
  const first = await other.get('map')
  await other.compareAndSet('map', bytes('2'), first?.revision ?? 0)
  one.staleBy = 1

  const stale = await one.get('map')
  const isSet = await one.compareAndSet('map', bytes('3'), stale?.revision ?? 0)

  expect(stale).toEqual(first)
  expect(isSet).toBe(false)
})

test('a write that is not confirmed has taken place', async () => {
  const { one, other } = twoNodes()
  one.unconfirmed = 1

  const lost = one.compareAndSet('lease', bytes('mine'), 0)

  await expect(lost).rejects.toMatchObject({ code: 'TIMEOUT' })
  expect(text((await other.get('lease'))?.value)).toBe('mine')
  expect(await one.compareAndSet('lease', bytes('again'), 0)).toBe(false)
})

test('a call takes its time: it is judged in the middle of it', async () => {
  const { clock, one, other } = twoNodes()
  one.latencyMs = 100

  const slow = one.compareAndSet('lease', bytes('slow'), 0)
  clock.advance(49)
  const quick = await other.compareAndSet('lease', bytes('quick'), 0)
  clock.advance(1)
  await new Promise<void>((resolve) => setImmediate(resolve))
  clock.advance(50)

  expect([quick, await slow]).toEqual([true, false])
})

function twoNodes() {
  const clock = new ManualClock()
  const cluster = new MemoryCluster(clock)
  return { clock, one: cluster.connect(), other: cluster.connect() }
}

function bytes(value: string): Uint8Array {
  return Buffer.from(value)
}

function text(value: Uint8Array | undefined): string {
  return value === undefined ? 'none' : Buffer.from(value).toString()
}
