import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { type NatsCluster, startNatsCluster } from '../../deploy/nats-server/cluster.ts'
import { publishPlaybook } from '../lib/cluster.ts'
import { NodeProcess, type NodeProcessOptions } from '../lib/node-process.ts'
import { ClusterWatch } from './watch.ts'

const playbookPath = new URL('./playbook.yaml', import.meta.url)

/** Elections, provisioning and three starting processes on a small machine. */
const readyMaxMs = 120_000

export interface ChaosClusterOptions {
  readonly shards: number
  /** 3 by default. */
  readonly nodes?: number
  /** What a node has besides, or that others do not, by its place from 0. */
  readonly node?: (place: number, made: Made) => Partial<NodeProcessOptions>
  /** Makes what the nodes need before they start. */
  readonly prepare?: (made: Made) => Promise<void>
  /** Removes it. */
  readonly dispose?: () => Promise<void>
}

/** What is there before the first node. */
export interface Made {
  readonly dir: string
  readonly nats: NatsCluster
}

/** Three nats-servers that keep three copies of each log, and nodes on them, as processes. */
export class ChaosCluster {
  readonly dir: string
  readonly nats: NatsCluster
  readonly nodes: NodeProcess[] = []
  readonly watch: ClusterWatch
  readonly shards: number
  private readonly options: ChaosClusterOptions

  private constructor(
    dir: string,
    nats: NatsCluster,
    watch: ClusterWatch,
    options: ChaosClusterOptions,
  ) {
    this.dir = dir
    this.nats = nats
    this.watch = watch
    this.shards = options.shards
    this.options = options
  }

  /** Resolves once every shard has all its replicas, caught up. */
  static async start(options: ChaosClusterOptions): Promise<ChaosCluster> {
    const dir = await mkdtemp(join(tmpdir(), 'halfsecond-chaos-'))
    // Nodes know the addresses that they are given and no others, so that these can be cut off.
    const nats = await startNatsCluster({ dir: join(dir, 'nats'), args: ['--no_advertise'] })
    const watch = await ClusterWatch.start(nats.url)
    const cluster = new ChaosCluster(dir, nats, watch, options)
    watch.replicas = Math.min(watch.replicas, options.nodes ?? 3)
    try {
      await options.prepare?.(cluster)
      const nodes = Array.from({ length: options.nodes ?? 3 }, () => cluster.newNode())
      await Promise.all(nodes.map((node) => node.start()))
      await publishPlaybook(cluster.adminUrl, await readFile(playbookPath, 'utf8'))
      await watch.redundant(readyMaxMs)
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  /** Of any node that runs. */
  get adminUrl(): string {
    const node = this.nodes.find(({ isRunning }) => isRunning)
    if (node === undefined) throw new Error('no node runs')
    return node.adminUrl
  }

  /** One more node, which is still to be started. */
  newNode(): NodeProcess {
    const place = this.nodes.length
    const own = this.options.node?.(place, this)
    const node = new NodeProcess({
      natsUrl: this.nats.url,
      dataDir: join(this.dir, `node-${place + 1}`),
      id: `node-${place + 1}`,
      ...own,
      env: {
        HALFSECOND_REPLICAS: '3',
        HALFSECOND_SHARDS: String(this.shards),
        ...own?.env,
      },
    })
    this.nodes.push(node)
    return node
  }

  node(id: string): NodeProcess {
    const node = this.nodes.find((one) => one.id === id)
    if (node === undefined) throw new Error(`no node ${id}`)
    return node
  }

  /** Asks a node's admin port, any by default. */
  async admin(path: string, body?: object, adminUrl = this.adminUrl): Promise<unknown> {
    const response = await fetch(`${adminUrl}${path}`, {
      ...(body && {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
      signal: AbortSignal.timeout(10_000),
    })
    if (!response.ok) throw new Error(`${path} was refused: ${await response.text()}`)
    return response.json()
  }

  /** Replicas of this node: shard, position and digest. */
  async replicas(node: NodeProcess): Promise<readonly Replica[]> {
    const status = await this.admin('/v1/status', undefined, node.adminUrl)
    const replicas = isFields(status) ? status.replicas : undefined
    if (!Array.isArray(replicas)) throw new Error(`no replicas in the status of ${node.id}`)
    return replicas.filter(isFields).map(({ shard, applied, digest }) => ({
      shard: Number(shard),
      applied: Number(applied),
      digest: String(digest),
    }))
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop('SIGKILL')))
    await this.watch.stop()
    await this.nats.stop()
    await this.options.dispose?.()
    await rm(this.dir, { recursive: true, force: true })
  }
}

export interface Replica {
  readonly shard: number
  readonly applied: number
  readonly digest: string
}
