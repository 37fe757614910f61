import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { startNatsServer } from './nats-server/run.ts'

/*
 * A cluster of one: a real nats-server and one node on it, both on this machine. All state is below
 * HALFSECOND_DATA, ./data/nats by default. Ctrl-C stops the node first, so that it can write what it
 * folded, then the server.
 */

const data = resolve(process.env.HALFSECOND_DATA || join('data', 'nats'))

/** Kept over restarts, so that channel servers find it again. 0 takes any that is free. */
const natsPort = Number(process.env.HALFSECOND_NATS_PORT ?? '4222')

const { HALFSECOND_NATS_PORT: _, ...environment } = process.env

const server = await startNatsServer({ storeDir: join(data, 'streams'), port: natsPort }).catch(
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
process.stderr.write(`nats-server: ${server.url}, process ${server.pid}, streams in ${data}\n`)

const node = spawn(
  process.execPath,
  [join(import.meta.dirname, '..', 'node', 'src', 'main.ts'), 'node', ...process.argv.slice(2)],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
    // A process group of its own: Ctrl-C comes from here, once.
    detached: true,
    env: {
      ...environment,
      HALFSECOND_NATS_URL: server.url,
      HALFSECOND_DATA: join(data, 'node'),
    },
  },
)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => node.kill(signal))
}

const [code] = await once(node, 'close')
await server.stop()
process.exitCode = typeof code === 'number' ? code : 1
