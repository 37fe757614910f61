import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EmbeddedLog } from '../../src/embedded/embedded-log.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { logSuite } from '../suites/log-suite.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()
let opened = 0

function freshPath(): string {
  return join(folder, `log-${opened++}`)
}

logSuite(
  'the embedded log',
  (shards) => {
    const path = freshPath()
    let log = new EmbeddedLog(path, shards, systemClock)
    return Promise.resolve({
      log,
      close: () => log.close(),
      reopen: async () => {
        await log.close()
        log = new EmbeddedLog(path, shards, systemClock)
        return log
      },
    })
  },
  { can: ['reopen'], confirmsByItself: true },
)

test('the embedded log refuses to be opened with another number of shards', async () => {
  const path = freshPath()
  const log = new EmbeddedLog(path, 4, systemClock)
  await log.close()

  expect(() => new EmbeddedLog(path, 8, systemClock)).toThrow('4 shards')
})

test('the embedded log takes nothing once it is closed, and writes what it took before', async () => {
  const path = freshPath()
  const log = new EmbeddedLog(path, 1, systemClock)

  const taken = log.append(0, new Uint8Array([1, 2, 3]), 'log')
  const closed = log.close()
  const refused = log.append(0, new Uint8Array([4]), 'log')

  await expect(refused).rejects.toMatchObject({ code: 'CLOSED' })
  expect(await taken).toBe(1)
  await closed
  const again = new EmbeddedLog(path, 1, systemClock)
  expect((await again.extent(0)).last).toBe(1)
  await again.close()
})
