import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { nodeFlags } from '../node/src/node-flags.ts'
import { startNatsServer } from './nats-server/run.ts'

/*
 * A cluster of one, with the example's page: a real nats-server and a node on it, both on this
 * machine; arguments go to the node. All state is below HALFSECOND_DATA, ./data/nats by default. Ctrl-C stops the node first, so that it can write what it
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
process.stdout.write(`nats-server is ready: ${server.url}, process ${server.pid}\n`)

const main = join(import.meta.dirname, '..', 'node', 'src', 'main.ts')
const settings = ['--nats', server.url, '--data', join(data, 'node'), ...process.argv.slice(2)]

const node = spawn(process.execPath, [...nodeFlags, main, 'dev', ...settings], {
  stdio: ['ignore', 'inherit', 'inherit'],
  // A process group of its own: Ctrl-C comes from here, once.
  detached: true,
  env: environment,
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => node.kill(signal))
}

const [code] = await once(node, 'close')
await server.stop()
process.exitCode = typeof code === 'number' ? code : 1
