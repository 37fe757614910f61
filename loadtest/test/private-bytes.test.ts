import { expect, test } from 'vitest'
import { privateBytes } from '../lib/private-bytes.ts'

test.runIf(process.platform === 'linux')('the memory of a process is told', async () => {
  const before = await privateBytes(process.pid)
  const block = Buffer.alloc(64 * 1024 ** 2, 1)
  const after = await privateBytes(process.pid)

  expect((after ?? 0) - (before ?? 0)).toBeGreaterThan(block.length / 2)
})

test('of a process that is gone nothing is known', async () => {
  expect(await privateBytes(2 ** 30)).toBeUndefined()
})
