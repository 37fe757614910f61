import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { connect } from '@halfsecond/client'
import { parseNatsAddress } from '@halfsecond/protocol'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect as connectNats } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { fresh } from '../../../client/test/support/fresh.ts'
import { startTestNode, tokenKeys } from '../../../client/test/support/test-node.ts'
import { Nats } from '../../../node/src/nats/connection.ts'
import { KvCoordination } from '../../../node/src/nats/kv-coordination.ts'
import { provisionStreams } from '../../../node/src/nats/provision-streams.ts'
import { QuietObserver } from '../../../node/test/support/quiet-observer.ts'
import { startNatsCluster } from '../../nats-server/cluster.ts'
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

  it.each(['hs.log.7', 'hs.node.n1.decide', 'hs.map.get', 'hs.feed'])(
    'lets a channel publish to %s',
    async (subject) => {
      const answer = await say(server.port, 'channel', `PUB ${subject} 0\r\n`)

      expect(answer).not.toContain('-ERR')
    },
  )

  it.each([
    'hs.own.7',
    'hs.node.n1.ctl',
    'hs.beat.n1',
    'hs.map',
    'hs.playbook.1',
    '_INBOX_NODE.n1',
    '$JS.API.STREAM.INFO.HS-LOG-7',
    '$JS.API.DIRECT.GET.HS-LOG-7',
    '$KV.HS-CLUSTER.map',
  ])('does not let a channel publish to %s', async (subject) => {
    const answer = await say(server.port, 'channel', `PUB ${subject} 0\r\n`)

    expect(answer).toContain(`Permissions Violation for Publish to "${subject}"`)
  })

  it.each([
    'hs.log.7',
    'hs.own.7',
    'hs.feed',
    'hs.beat.*',
    'hs.node.n1.decide',
    '_INBOX_NODE.>',
    '>',
  ])('does not let a channel listen to %s', async (subject) => {
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
    const options = { channel: 'web', tokenKeys, deadlineMs: 2_000 }
    const client = connect(addressFor('channel'), options)
    try {
      await client.ready(30_000)
      const visitor = client.visitor({ anon: 'a1' })
      const position = await visitor.track('pressed', { path: '/a' })
      const decision = await fresh(() => visitor.decide('side'))

      expect(position?.sequence).toBeGreaterThan(0)
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

  it('makes one cluster of three servers, with three copies of what nodes agree on and of each log', async () => {
    const production = await readFile(join(configs, 'production.conf'), 'utf8')
    const config = join(folder, 'three.conf')
    const users = relative(folder, join(configs, 'users.conf'))
    // Three on one machine: each with a monitoring port and a folder of its own.
    const text = production
      .replace('127.0.0.1:8222', '127.0.0.1:-1')
      .replace(/^ *store_dir:.*$/m, '')
      .replace('./users.conf', users)
    await writeFile(config, text)
    const routeLogin = `route:${password}`
    const cluster = await startNatsCluster({ dir: join(folder, 'three'), config, routeLogin })
    const url = cluster.url.replaceAll('://', `://node:${password}@`)
    const nats = await Nats.connect(url, 'test', new QuietObserver())
    try {
      await vi.waitFor(() => KvCoordination.open(nats, 3), { timeout: 60_000, interval: 500 })
      await provisionStreams(nats, { shards: 2, replicas: 3, storageBytes: 2 ** 30 })
      const manager = await jetstreamManager(nats.connection)
      for (const stream of ['KV_HS-CLUSTER', 'HS-PLAYBOOK', 'HS-LOG-0', 'HS-LOG-1']) {
        const { cluster: group } = await manager.streams.info(stream)
        const members = [group?.leader, ...(group?.replicas ?? []).map(({ name }) => name)]
        expect(members.sort()).toEqual(['nats-1', 'nats-2', 'nats-3'])
      }
      const port = cluster.servers[1]?.port ?? 0
      const answer = await say(port, 'channel', 'PUB hs.own.0 0\r\n')
      expect(answer).toContain('Permissions Violation')
    } finally {
      await nats.close()
      await cluster.stop()
    }
  }, 120_000)

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
