import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { nodeFlags } from '../node-flags.ts'
import { printLine } from './print.ts'
import type { Surroundings } from './surroundings.ts'

/** A process that ended by itself is started again after this pause. */
const restartMs = 1_000

/** Ports of a process are this far from those of the one before. */
const portStep = 10

const main = join(import.meta.dirname, '..', 'main.ts')

/**
 * Runs several nodes of this machine as processes of their own, because a node folds on one core.
 * Each has an id, ports and a folder of its own; they stop together.
 */
export async function runProcesses(
  count: number,
  config: Config,
  around: Surroundings,
): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => keepRunning(i, config, around)))
}

async function keepRunning(i: number, config: Config, around: Surroundings): Promise<void> {
  const { stopping, notes } = around
  while (!stopping.aborted) {
    const child = start(i, config, around)
    const stop = () => child.kill('SIGTERM')
    stopping.addEventListener('abort', stop, { once: true })
    const [code, signal] = await once(child, 'close')
    stopping.removeEventListener('abort', stop)
    if (stopping.aborted) return
    printLine(notes, `process ${i} ended (${signal ?? code}); it is started again`)
    await new Promise((resolve) => setTimeout(resolve, restartMs))
  }
}

function start(i: number, config: Config, around: Surroundings): ChildProcess {
  const { nodeId, port, adminPort, dataDir } = config
  const env = {
    ...around.env,
    HALFSECOND_NODE_ID: `${nodeId}-${i}`,
    HALFSECOND_PORT: String(port === 0 ? 0 : port + portStep * i),
    HALFSECOND_ADMIN_PORT: String(adminPort === 0 ? 0 : adminPort + portStep * i),
    HALFSECOND_DATA: join(dataDir, String(i)),
  }
  // A process group of its own: a Ctrl-C comes from here, once.
  return spawn(process.execPath, [...nodeFlags, main, 'node'], {
    stdio: 'inherit',
    env,
    detached: true,
  })
}
