import { MemoryLog } from '../../src/memory/memory-log.ts'
import { logSuite } from '../suites/log-suite.ts'
import { start } from '../support/records.ts'

logSuite(
  'the log in memory',
  (shards) => {
    const log = new MemoryLog(shards, () => start)
    return Promise.resolve({
      log,
      close: () => log.close(),
      fill: () => {
        log.shardBytesMax = 1
        return Promise.resolve()
      },
      trim: (shard, first) => Promise.resolve(log.trim(shard, first)),
      recreate: (shard) => Promise.resolve(log.recreate(shard)),
    })
  },
  { can: ['fill', 'trim', 'recreate'], confirmsByItself: false },
)
