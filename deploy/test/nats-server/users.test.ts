import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { connect } from '@halfsecond/client'
import { parseNatsAddress } from '@halfsecond/protocol'
import { connect as connectNats } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startTestNode, tokenKeys } from '../../../client/test/support/test-node.ts'
import { type NatsServer, startNatsServer } from '../../nats-server/run.ts'
import { natsServerPath } from '../../tools.ts'
import { needs, realNatsServer } from '../requirements.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const configs = join(root, 'deploy', 'nats-server')

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
    const users = relative(folder, join(configs, 'users.conf'))
    await writeFile(config, `include "${users}"\njetstream { sync_interval: always }\n`)
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

  it('lets a node make a cluster, and a channel record and decide with the login in its address', async () => {
    const playbook = await readFile(join(root, 'loadtest', 'playbook.yaml'), 'utf8')
    const { stop } = await startTestNode(playbook, addressFor('node'))
    const client = connect(addressFor('channel'), { channel: 'web', tokenKeys })
    try {
      await client.ready(10_000)
      const visitor = client.visitor({ anon: 'a1' })
      const position = await visitor.track('pressed', { path: '/a' })
      const decision = await visitor.decide('side')

      expect(position.sequence).toBeGreaterThan(0)
      expect(decision).toMatchObject({ offer: 'seen', reason: 'rules' })
    } finally {
      await client.close()
      await stop()
    }
  })

  it('takes no internal record from a channel that logs in by its address', async () => {
    const { servers, login } = parseNatsAddress(addressFor('channel'))
    const connection = await connectNats({ servers: [...servers], ...login })
    const errors = connection.status()
    connection.publish('hs.own.7', new Uint8Array(0))
    let told: unknown
    for await (const status of errors) {
      told = status
      break
    }
    await connection.close()

    expect(told).toMatchObject({
      type: 'error',
      error: { operation: 'publish', subject: 'hs.own.7' },
    })
  })

  it('lets in nobody without a password', async () => {
    const answer = await say(server.port, 'stranger', 'PUB hs.log.7 0\r\n')

    expect(answer).toContain('Authorization Violation')
  })

  function addressFor(user: string): string {
    return server.url.replace('://', `://${user}:${password}@`)
  }
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
