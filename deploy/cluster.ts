import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { nodeFlags } from '../node/src/node-flags.ts'
import { tokenKeysIn } from '../node/src/token-key-file.ts'
import { startNatsCluster } from './nats-server/cluster.ts'

/*
 * A whole cluster on this machine: three nats-servers that keep three copies of every log, and
 * three nodes, so that one of each can be killed. All state is below HALFSECOND_DATA,
 * ./data/cluster by default. Ctrl-C stops the nodes first, then the servers.
 */

const nodeCount = 3
const portStep = 10

const data = resolve(process.env.HALFSECOND_DATA || join('data', 'cluster'))
const { HALFSECOND_NATS_PORT, HALFSECOND_PORT, HALFSECOND_ADMIN_PORT, ...rest } = process.env

/** Kept over restarts, so that channel servers find them again. 0 takes any that are free. */
const natsPort = Number(HALFSECOND_NATS_PORT ?? '4222')
const port = Number(HALFSECOND_PORT ?? '7500')
const adminPort = Number(HALFSECOND_ADMIN_PORT ?? '7501')

const nats = await startNatsCluster({ dir: join(data, 'streams'), port: natsPort }).catch(
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
for (const [i, { url, pid }] of nats.servers.entries())
  process.stdout.write(`nats-${i + 1}   ${url}, process ${pid}\n`)

const tokenKeys = rest.HALFSECOND_TOKEN_KEYS || tokenKeysIn(data)
const nodes = Array.from({ length: nodeCount }, (_, i) => startNode(i))
let isStopping = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    isStopping = true
    for (const node of nodes) node.kill('SIGTERM')
  })
}
const ended = nodes.map((node) => once(node, 'close'))
const readiness = Promise.all(nodes.map(ready))
await Promise.race([readiness, ...ended])
if (!isStopping) {
  const [adminUrl] = await readiness

  process.stdout.write(
    [
      'the cluster is ready; look at it with:',
      `  npx halfsecond status --admin-url ${adminUrl}`,
      `  npx halfsecond node ls --admin-url ${adminUrl}`,
      `channel servers connect to ${nats.url}`,
      '',
    ].join('\n'),
  )
}
await Promise.all(ended)
await nats.stop()

function startNode(i: number): ChildProcess {
  const main = join(import.meta.dirname, '..', 'node', 'src', 'main.ts')
  const env = {
    ...rest,
    HALFSECOND_NATS_URL: nats.url,
    HALFSECOND_REPLICAS: '3',
    HALFSECOND_TOKEN_KEYS: tokenKeys,
    HALFSECOND_NODE_ID: `node-${i + 1}`,
    HALFSECOND_DATA: join(data, `node-${i + 1}`),
    HALFSECOND_PORT: String(port === 0 ? 0 : port + portStep * i),
    HALFSECOND_ADMIN_PORT: String(adminPort === 0 ? 0 : adminPort + portStep * i),
  }
  // A process group of its own: Ctrl-C comes from here, once.
  return spawn(process.execPath, [...nodeFlags, main, 'node'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    env,
  })
}

/** Passes on what a node says; resolves with its admin address once it is ready. */
function ready(node: ChildProcess): Promise<string> {
  return new Promise((resolveReady) => {
    if (node.stdout === null) return
    createInterface({ input: node.stdout }).on('line', (line) => {
      process.stdout.write(`${line}\n`)
      const adminUrl = /^ {2}admin +(\S+)$/.exec(line)?.[1]
      if (adminUrl !== undefined) resolveReady(adminUrl)
    })
  })
}
