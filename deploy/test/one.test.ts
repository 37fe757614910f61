import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { needs, realNatsServer } from './requirements.ts'

const one = join(import.meta.dirname, '..', 'one.ts')

/** A server and a node that start take their time on a busy machine. */
const timeout = 120_000

describe('a cluster of one', { ...needs(realNatsServer), timeout }, () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'halfsecond-'))
  })

  afterEach(async () => {
    await rm(folder, { recursive: true })
  })

  it('answers on a real nats-server, and on Ctrl-C leaves nothing that runs', async () => {
    const cluster = spawn(process.execPath, [one, '--port', '0', '--admin-port', '0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, HALFSECOND_DATA: folder, HALFSECOND_NATS_PORT: '0' },
    })
    const lines = createInterface({ input: cluster.stdout })[Symbol.asyncIterator]()
    const server = Number(await find(lines, /process (\d+)/))
    const url = await find(lines, /look here\s+(\S+)/)

    const page = await fetch(url)
    cluster.kill('SIGINT')
    const [code] = await once(cluster, 'close')

    expect(page.status).toBe(200)
    expect(code).toBe(0)
    expect(() => process.kill(server, 0)).toThrow('ESRCH')
  })
})

/** The first group of the first line that matches. */
async function find(lines: AsyncIterator<string>, pattern: RegExp): Promise<string> {
  for (;;) {
    const { value, done } = await lines.next()
    if (done) throw new Error(`it ended without a line like ${pattern}`)
    const found = pattern.exec(value)?.[1]
    if (found !== undefined) return found
  }
}
