import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startNatsServer } from '../../nats-server/run.ts'
import { needs, realNatsServer } from '../requirements.ts'

describe('a nats-server for tests', needs(realNatsServer), () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'halfsecond-'))
  })

  afterEach(async () => {
    await rm(folder, { recursive: true })
  })

  it('takes connections once it is started, on a port that it chose', async () => {
    const server = await startNatsServer({ storeDir: folder })

    const greeting = await greetingOf(server.port)

    expect(greeting).toContain('"jetstream":true')
    await server.stop()
  })

  it('keeps its port through a crash', async () => {
    const server = await startNatsServer({ storeDir: folder })
    const { url, pid } = server

    await server.restart('SIGKILL')

    expect(server.url).toBe(url)
    expect(server.pid).not.toBe(pid)
    await server.stop()
  })

  it('is gone once it is stopped, even if it was paused', async () => {
    const server = await startNatsServer({ storeDir: folder })
    const { pid } = server
    server.pause()

    await server.stop()

    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  it('says why it cannot start', async () => {
    const config = join(folder, 'absent.conf')

    const started = startNatsServer({ storeDir: folder, config })

    await expect(started).rejects.toThrow('absent.conf')
  })
})

function greetingOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(port, '127.0.0.1')
    socket.once('error', reject)
    socket.once('data', (bytes) => {
      socket.destroy()
      resolve(bytes.toString())
    })
  })
}
