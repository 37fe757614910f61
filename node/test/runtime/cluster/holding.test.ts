import { builtInNamespaces } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { InProcessBus } from '../../../src/embedded/in-process-bus.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryLog } from '../../../src/memory/memory-log.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { Actors } from '../../../src/runtime/actors/actors.ts'
import { Holding } from '../../../src/runtime/cluster/holding.ts'
import { RowsWriter } from '../../../src/runtime/rows.ts'
import { Checkpointer } from '../../../src/runtime/shards/checkpointer.ts'
import { contentOf } from '../../support/copying.ts'
import { putFragment } from '../../support/put-fragment.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'
import { anon } from '../../support/records.ts'

test('rows that an interrupted copy left are removed before the log is folded from its start', async () => {
  const store = new MemoryStore()
  const rows = new RowsWriter()
  putFragment(rows, anon(1), Buffer.from('of a later position'))
  await store.shard(0).commit(rows.finish())
  const observer = new QuietObserver()
  const clock = new ManualClock()
  const checkpointer = new Checkpointer([], (shard) => store.shard(shard), clock, observer)
  const entry = {
    incarnation: 1000,
    primary: 'b',
    standbys: ['a'],
    warming: [],
    epoch: 1,
    boot: '',
  }

  const holding = new Holding(0, entry, {
    node: 'a',
    boot: 'boot',
    log: new MemoryLog(1, () => 0),
    store,
    bus: new InProcessBus(observer),
    actors: new Actors(1024 ** 2, observer),
    clock,
    observer,
    namespaces: builtInNamespaces,
    checkpointer: () => checkpointer,
    donors: () => [],
    onShard: () => {},
    onChange: () => {},
  })
  await holding.settled()

  expect(holding.shard?.status).toBe('following')
  expect(contentOf(store.shard(0))).toEqual([])
  await Promise.all([holding.close(), checkpointer.close()])
})
