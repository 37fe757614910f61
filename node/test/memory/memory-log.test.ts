import { expect, test } from 'vitest'
import { MemoryLog } from '../../src/memory/memory-log.ts'
import { logSuite } from '../suites/log-suite.ts'
import { RecordingFollower } from '../support/recording-follower.ts'
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
      recreate: (shard) => Promise.resolve(log.recreate(shard)),
    })
  },
  { can: ['fill', 'recreate'], confirmsByItself: false, saysHowFull: true },
)

test('the log in memory tells a follower that is behind when it is trimmed', async () => {
  const log = new MemoryLog(1, () => start)
  log.isAutomatic = false
  for (let i = 0; i < 3; i++) await log.append(0, new Uint8Array([i]), 'log')
  const follower = new RecordingFollower()
  const { incarnation } = await log.extent(0)
  log.follow(0, { incarnation, applied: 0, fingerprint: '' }, follower)
  log.deliver(0, 1)

  await log.trim(0, 3)
  log.deliver(0)
  log.deliver(0)

  expect(follower.sequences).toEqual([1])
  expect(follower.ended).toBe('TRIM_GAP')
  expect(follower.confirmations).toEqual([])
})

test('the log in memory does nothing while it cannot be reached', async () => {
  const log = new MemoryLog(1, () => start)
  log.isReachable = false

  const calls = [
    log.append(0, new Uint8Array([1]), 'log'),
    log.extent(0),
    log.trim(0, 1),
    log.usage(0),
  ]

  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})
