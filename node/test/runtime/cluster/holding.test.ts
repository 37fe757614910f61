import { expect, test } from 'vitest'
import type { Replicas } from '../../../src/core/cluster/cluster-map.ts'
import { InProcessBus } from '../../../src/embedded/in-process-bus.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemorySignals } from '../../../src/memory/memory-signals.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { Actors } from '../../../src/runtime/actors/actors.ts'
import { Holding } from '../../../src/runtime/cluster/holding.ts'
import { RowsWriter } from '../../../src/runtime/rows.ts'
import { Checkpointer } from '../../../src/runtime/shards/checkpointer.ts'
import { contentOf } from '../../support/copying.ts'
import { putFragment } from '../../support/put-fragment.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'
import { anon } from '../../support/records.ts'

const entry: Replicas = {
  incarnation: 1000,
  primary: 'b',
  standbys: ['a'],
  warming: [],
  epoch: 1,
  boot: '',
}

test('rows that an interrupted copy left are removed before the log is folded from its start', async () => {
  const store = new MemoryStore()
  const rows = new RowsWriter()
  putFragment(rows, anon(1), Buffer.from('of a later position'))
  await store.shard(0).commit(rows.finish())

  const { holding, close } = held(entry, { store })
  await holding.settled()

  expect(holding.shard?.status).toBe('following')
  expect(contentOf(store.shard(0))).toEqual([])
  await close()
})

test('a map that changes elsewhere lets the primary of a shard write nothing', async () => {
  const ours = { ...entry, primary: 'a', standbys: ['b'], boot: 'boot' }
  const log = new MemoryLog(1, () => 0)
  const { holding, close } = held(ours, { log })
  await holding.settled()
  const { last } = await log.extent(0)

  holding.assign({ ...ours, standbys: ['c'] })
  await holding.settled()

  expect(holding.isLeading).toBe(true)
  expect(await log.extent(0)).toMatchObject({ last })
  await close()
})

test('a shard that is dropped before it has caught up is let go of', async () => {
  const log = new MemoryLog(1, () => 0)
  log.isAutomatic = false
  const { holding, close } = held(entry, { log })
  await new Promise((resolve) => setImmediate(resolve))
  expect(holding.shard?.status).toBe('recovering')

  await holding.drop()

  expect(holding.shard).toBeUndefined()
  await close()
})

function held(
  entry: Replicas,
  { store = new MemoryStore(), log = new MemoryLog(1, () => 0) } = {},
): { readonly holding: Holding; close(): Promise<unknown> } {
  const observer = new QuietObserver()
  const clock = new ManualClock()
  const checkpointer = new Checkpointer([], (shard) => store.shard(shard), clock, observer)
  const holding = new Holding(0, entry, {
    node: 'a',
    boot: 'boot',
    log,
    signals: new MemorySignals(),
    hash: (text) => text,
    store,
    bus: new InProcessBus(observer),
    actors: new Actors(1024 ** 2, observer),
    clock,
    observer,
    checkpointer: () => checkpointer,
    donors: () => [],
    onShard: () => {},
    onChange: () => {},
  })
  return { holding, close: () => Promise.all([holding.close(), checkpointer.close()]) }
}
