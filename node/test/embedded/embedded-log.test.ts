import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { EmbeddedLog } from '../../src/embedded/embedded-log.ts'
import { systemClock } from '../../src/system/system-clock.ts'
import { logSuite } from '../suites/log-suite.ts'
import { filesWith } from '../support/files-with.ts'
import { RecordingFollower } from '../support/recording-follower.ts'
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
  { can: ['reopen'], confirmsByItself: true, saysHowFull: false },
)

test('the embedded log refuses to be opened with another number of shards', async () => {
  const path = freshPath()
  const log = new EmbeddedLog(path, 4, systemClock)
  await log.close()

  expect(() => new EmbeddedLog(path, 8, systemClock)).toThrow('4 shards')
})

test('what was trimmed from the embedded log is in its files until it is expunged', async () => {
  const path = freshPath()
  const log = new EmbeddedLog(path, 2, systemClock)
  const marker = 'a-secret-of-somebody'
  for (let i = 0; i < 50; i++) await log.append(i % 2, Buffer.from(`${marker} ${i}`), 'log')
  for (const shard of [0, 1]) await log.append(shard, Buffer.from('later'), 'own')
  await log.trim(0, 26)
  const before = filesWith(marker, path)

  const remaining = await log.expunge(
    new Map([
      [0, 26],
      [1, 26],
    ]),
  )
  const after = filesWith(marker, path)
  await log.close()

  expect(before).toEqual(['data.mdb'])
  expect([remaining, after]).toEqual([[], []])
  const again = new EmbeddedLog(path, 2, systemClock)
  expect(await again.extent(1)).toMatchObject({ first: 26, last: 26 })
  expect(await again.append(0, Buffer.from('more'), 'log')).toBe(27)
  await again.close()
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

test('the embedded log tells a follower that is behind when it is trimmed', async () => {
  const path = freshPath()
  const filled = new EmbeddedLog(path, 1, systemClock)
  await Promise.all(Array.from({ length: 999 }, () => filled.append(0, new Uint8Array(1), 'log')))
  await filled.close()
  const turns: (() => void)[] = []
  const log = new EmbeddedLog(path, 1, { ...systemClock, soon: (run) => void turns.push(run) })
  const follower = new RecordingFollower()
  const { incarnation } = await log.extent(0)
  log.follow(0, { incarnation, applied: 0, fingerprint: '' }, follower)
  await follower.passed(1)

  await log.trim(0, 900)
  turns.shift()?.()
  await log.close()

  expect(follower.ended).toBe('TRIM_GAP')
  expect(follower.sequences.length).toBeLessThan(900)
  expect(follower.confirmations).toEqual([])
})

test('a process killed amid appends leaves every entry that was acknowledged, and no gap', async () => {
  const path = freshPath()
  const script = fileURLToPath(new URL('./append-until-killed.ts', import.meta.url))
  const acked = [0, 0]
  for (const rounds of [5, 60, 17]) {
    const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    let lines = 0
    for await (const line of createInterface({ input: child.stdout })) {
      const [shard = 0, sequence = 0] = line.split(' ').map(Number)
      acked[shard] = sequence
      if (++lines >= rounds) child.kill('SIGKILL')
    }
    await exited

    const log = new EmbeddedLog(path, 2, systemClock)
    for (const shard of [0, 1]) {
      const { incarnation, first, last } = await log.extent(shard)
      const follower = new RecordingFollower()
      log.follow(shard, { incarnation, applied: 0, fingerprint: '' }, follower)
      await follower.passed(last)

      expect(first).toBe(1)
      expect(last).toBeGreaterThanOrEqual(acked[shard] ?? 0)
      expect(follower.entries.map(({ bytes }) => Number(Buffer.from(bytes).toString()))).toEqual(
        Array.from({ length: last }, (_, i) => i + 1),
      )
    }
    await log.close()
  }
})
