import type { Config } from '../config.ts'
import { readConfig } from '../config.ts'
import type { NodeOptions, RunningNode } from '../node.ts'
import { printLine } from './print.ts'
import type { Surroundings } from './surroundings.ts'

/** Flags of the commands that run a node. */
export interface ServeOptions {
  readonly data?: string
  readonly port?: string
  readonly adminPort?: string
}

export interface Served {
  readonly config: Config
  readonly node: RunningNode
}

/** What a node runs with; warnings go to the notes. @throws HalfsecondError `INVALID` */
export function configOf(
  { data, port, adminPort }: ServeOptions,
  natsUrl: string | undefined,
  around: Surroundings,
): Config {
  const env = { ...around.env, HALFSECOND_NATS_URL: natsUrl }
  const { config, warnings } = readConfig(env, { dataDir: data, port, adminPort })
  for (const warning of warnings) around.notes.write(`${warning}\n`)
  return config
}

/**
 * Starts a node in this process.
 * @param natsUrl undefined for an embedded node, whatever the environment says
 */
export async function serve(
  options: ServeOptions,
  natsUrl: string | undefined,
  around: Surroundings,
  nodeOptions: Omit<NodeOptions, 'output'> = {},
): Promise<Served> {
  const config = configOf(options, natsUrl, around)
  // Loaded here: the other commands need neither a store nor a server, and start at once.
  const { startNode } = await import('../node.ts')
  const write = (text: string) => around.notes.write(text)
  const node = await startNode(config, {
    ...nodeOptions,
    output: { isTTY: around.isTerminal, write },
  })
  return { config, node }
}

/** Resolves when the process is asked to stop. */
export async function untilStopped(around: Surroundings): Promise<void> {
  const { stopping } = around
  if (stopping.aborted) return
  await new Promise((resolve) => stopping.addEventListener('abort', resolve, { once: true }))
}

/** Closes a node that was asked to stop, and says so. */
export async function stop(node: RunningNode, around: Surroundings): Promise<void> {
  printLine(around.notes, 'stopping')
  await node.close()
}
