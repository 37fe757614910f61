import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type NatsServer, startNatsServer } from '../../deploy/nats-server/run.ts'
import { readMetrics } from './metrics.ts'
import { NodeProcess, type NodeProcessOptions } from './node-process.ts'

const playbookPath = new URL('../playbook.yaml', import.meta.url)

export type ClusterOptions = Pick<NodeProcessOptions, 'env' | 'execArgv'>

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
    await publishPlaybook(cluster.adminUrl, await readFile(playbookPath, 'utf8'))
    return cluster
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

export class Cluster {
  readonly dir: string
  readonly nats: NatsServer
  private readonly node: NodeProcess

  constructor(dir: string, nats: NatsServer, options: ClusterOptions) {
    this.dir = dir
    this.nats = nats
    this.node = new NodeProcess({
      ...options,
      natsUrl: nats.url,
      dataDir: join(dir, 'node'),
      id: 'load',
    })
  }

  /** Of the public port. */
  get url(): string {
    return this.node.url
  }

  get adminUrl(): string {
    return this.node.adminUrl
  }

  /** Of the node's process, while it runs. */
  get pid(): number {
    return this.node.pid
  }

  /**
   * Milliseconds until the node answered.
   * @param env settings of this start only, before those of the cluster
   */
  startNode(env: ClusterOptions['env'] = {}): Promise<number> {
    return this.node.start(env)
  }

  async stopNode(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.node.stop(signal)
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

export async function publishPlaybook(adminUrl: string, text: string): Promise<void> {
  const response = await fetch(`${adminUrl}/v1/playbook`, {
    method: 'POST',
    body: text,
    headers: { 'content-type': 'application/yaml' },
  })
  if (!response.ok) throw new Error(`the playbook was refused: ${await response.text()}`)
}
