import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type NatsServer, startNatsServer } from '../../nats-server/run.ts'
import { natsServerPath } from '../../tools.ts'
import { needs, realNatsServer } from '../requirements.ts'

const configs = join(import.meta.dirname, '..', '..', 'nats-server')

const password = 'secret-of-a-test'

describe('the configuration for production', needs(realNatsServer), () => {
  let folder: string
  let server: NatsServer

  beforeAll(async () => {
    for (const user of ['SYSTEM', 'CHANNEL', 'NODE', 'ROUTE']) {
      vi.stubEnv(`HALFSECOND_${user}_PASSWORD`, password)
    }
    vi.stubEnv('HALFSECOND_ROUTES', `["nats://route:${password}@nats-1:6222"]`)
    vi.stubEnv('NATS_SERVER_NAME', 'nats-1')
    folder = await mkdtemp(join(tmpdir(), 'halfsecond-'))
    const config = join(folder, 'server.conf')
    await writeFile(config, `include "${relative(folder, join(configs, 'users.conf'))}"\n`)
    server = await startNatsServer({ storeDir: folder, config })
  })

  afterAll(async () => {
    vi.unstubAllEnvs()
    await server.stop()
    await rm(folder, { recursive: true })
  })

  it('is one that the server understands', async () => {
    const config = join(configs, 'production.conf')

    const { stderr } = await promisify(execFile)(await natsServerPath(), ['-t', '-c', config])

    expect(stderr).toContain('is valid')
  })

  it.each(['hs.log.7', 'hs.node.n1.decide', 'hs.map.get'])(
    'lets a channel publish to %s',
    async (subject) => {
      const answer = await say(server.port, 'channel', `PUB ${subject} 0\r\n`)

      expect(answer).not.toContain('-ERR')
    },
  )

  it.each([
    'hs.own.7',
    'hs.node.n1.ctl',
    'hs.map',
    '$JS.API.STREAM.INFO.HS-LOG-7',
    '$KV.HS-CLUSTER.map',
  ])('does not let a channel publish to %s', async (subject) => {
    const answer = await say(server.port, 'channel', `PUB ${subject} 0\r\n`)

    expect(answer).toContain(`Permissions Violation for Publish to "${subject}"`)
  })

  it.each(['hs.log.7', 'hs.own.7', '>'])('does not let a channel listen to %s', async (subject) => {
    const answer = await say(server.port, 'channel', `SUB ${subject} 1\r\n`)

    expect(answer).toContain(`Permissions Violation for Subscription to "${subject}"`)
  })

  it('lets a node write internal records', async () => {
    const answer = await say(server.port, 'node', 'PUB hs.own.7 0\r\n')

    expect(answer).not.toContain('-ERR')
  })

  it('lets in nobody without a password', async () => {
    const answer = await say(server.port, 'stranger', 'PUB hs.log.7 0\r\n')

    expect(answer).toContain('Authorization Violation')
  })
})

/** What the server answers to one line of its text protocol, up to the answer to a ping. */
async function say(port: number, user: string, line: string): Promise<string> {
  const socket = connectSocket(port, '127.0.0.1')
  let answer = ''
  const ended = new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    socket.on('data', (bytes) => {
      answer += bytes.toString()
      if (answer.includes('PONG')) resolve()
    })
  })
  await once(socket, 'connect')
  const login = JSON.stringify({ user, pass: password, verbose: false })
  const payload = line.startsWith('PUB') ? '\r\n' : ''
  socket.write(`CONNECT ${login}\r\n${line}${payload}PING\r\n`)
  await ended
  socket.destroy()
  return answer
}
