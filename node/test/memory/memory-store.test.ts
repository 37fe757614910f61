import { HalfsecondError } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { MemoryStore } from '../../src/memory/memory-store.ts'
import { RowsWriter } from '../../src/runtime/rows.ts'
import { storeSuite } from '../suites/store-suite.ts'

storeSuite(
  'the store in memory',
  () => {
    const store = new MemoryStore()
    return Promise.resolve({ store, close: () => store.close() })
  },
  { can: [] },
)

test('the store in memory refuses all writes while it is told to, and keeps what it had', async () => {
  const store = new MemoryStore()
  const rows = new RowsWriter()
  rows.meta(Buffer.from('meta'))
  store.failure = new HalfsecondError('UNAVAILABLE', 'the disk is full')

  const shard = store.shard(0)
  const refused = [shard.commit(rows.finish()), shard.restore([]), shard.clear()]

  for (const one of refused) await expect(one).rejects.toBe(store.failure)
  expect(store.shard(0).meta()).toBeUndefined()
})
