import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { type NatsServer, startNatsServer } from '../../deploy/nats-server/run.ts'
import { readMetrics } from './metrics.ts'

/** Signs the tokens of a load test; clients on nats:// check them with the same. */
export const tokenKeys = `load:${Buffer.alloc(32, 7).toString('base64')}`

const playbookPath = new URL('../playbook.yaml', import.meta.url)

/** A node takes this long to start at most, a million visitors in its store included. */
const startMaxMs = 180_000

export interface ClusterOptions {
  /** Settings of the node besides where things are. */
  readonly env?: { readonly [name: string]: string }
  /** Flags of Node.js itself. */
  readonly execArgv?: readonly string[]
}

/**
 * One real node, on a real nats-server of its own, both on this machine with fresh state, with the
 * load test's playbook active.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), 'halfsecond-load-'))
  const nats = await startNatsServer({ storeDir: join(dir, 'nats') })
  const cluster = new Cluster(dir, nats, options)
  try {
    await cluster.startNode()
    await cluster.publishPlaybook(await readFile(playbookPath, 'utf8'))
    return cluster
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

export class Cluster {
  readonly dir: string
  readonly nats: NatsServer
  private readonly options: ClusterOptions
  private child: ChildProcess | undefined
  private addresses = { url: '', adminUrl: '' }

  constructor(dir: string, nats: NatsServer, options: ClusterOptions) {
    this.dir = dir
    this.nats = nats
    this.options = options
  }

  /** Of the public port; another one after each start. */
  get url(): string {
    return this.addresses.url
  }

  get adminUrl(): string {
    return this.addresses.adminUrl
  }

  /** Of the node's process, while it runs. */
  get pid(): number {
    const pid = this.child?.pid
    if (pid === undefined) throw new Error('the node does not run')
    return pid
  }

  /**
   * Milliseconds until the node answered.
   * @param env settings of this start only, before those of the cluster
   */
  async startNode(env: ClusterOptions['env'] = {}): Promise<number> {
    const started = performance.now()
    const child = forkNode(this.nats.url, this.options, {
      HALFSECOND_DATA: join(this.dir, 'node'),
      HALFSECOND_PORT: portIn(this.addresses.url),
      HALFSECOND_ADMIN_PORT: portIn(this.addresses.adminUrl),
      HALFSECOND_NODE_ID: 'load',
      ...env,
    })
    this.child = child
    this.addresses = await addressesOf(child)
    return performance.now() - started
  }

  async stopNode(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const { child } = this
    if (child === undefined || child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
    this.child = undefined
  }

  async publishPlaybook(text: string): Promise<void> {
    const response = await fetch(`${this.adminUrl}/v1/playbook`, {
      method: 'POST',
      body: text,
      headers: { 'content-type': 'application/yaml' },
    })
    if (!response.ok) throw new Error(`the playbook was refused: ${await response.text()}`)
  }

  /** What `/metrics` says now, by name and labels as they stand there. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const response = await fetch(`${this.adminUrl}/metrics`)
    return readMetrics(await response.text())
  }

  async stop(): Promise<void> {
    await this.stopNode()
    await this.nats.stop()
    await rm(this.dir, { recursive: true, force: true })
  }
}

/** A second node on the same log that has nothing on its disk. */
export async function nodeOn(cluster: Cluster): Promise<{
  readonly adminUrl: string
  stop(): Promise<void>
}> {
  const dir = await mkdtemp(join(cluster.dir, 'second-'))
  const child = forkNode(
    cluster.nats.url,
    {},
    {
      HALFSECOND_DATA: dir,
      HALFSECOND_PORT: '0',
      HALFSECOND_ADMIN_PORT: '0',
      HALFSECOND_NODE_ID: 'second',
    },
  )
  const { adminUrl } = await addressesOf(child)
  const stop = async () => {
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  }
  return { adminUrl, stop }
}

function forkNode(
  natsUrl: string,
  options: ClusterOptions,
  env: { readonly [name: string]: string },
): ChildProcess {
  return fork(new URL('./node-child.ts', import.meta.url), {
    stdio: ['ignore', 2, 2, 'ipc'],
    execArgv: [...(options.execArgv ?? [])],
    env: {
      ...process.env,
      HALFSECOND_NATS_URL: natsUrl,
      HALFSECOND_TOKEN_KEYS: tokenKeys,
      HALFSECOND_LOG_LEVEL: 'error',
      ...options.env,
      ...env,
    },
  })
}

/** The same port again after a restart, so that clients over HTTP find the node. */
function portIn(url: string): string {
  return url === '' ? '0' : new URL(url).port
}

function addressesOf(child: ChildProcess): Promise<{ url: string; adminUrl: string }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error('the node did not start in time'))
    }, startMaxMs)
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`the node ended with ${code} before it was ready`))
    })
    child.once('message', (message: unknown) => {
      clearTimeout(timer)
      if (
        isFields(message) &&
        typeof message.url === 'string' &&
        typeof message.adminUrl === 'string'
      )
        resolve({ url: message.url, adminUrl: message.adminUrl })
      else reject(new Error('the node did not say where it listens'))
    })
  })
}
