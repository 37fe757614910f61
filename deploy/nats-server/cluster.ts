import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { natsServerPath } from '../tools.ts'
import { NatsServer } from './run.ts'

export interface NatsClusterOptions {
  /** Each server has a folder of its own below it. */
  readonly dir: string
  /** 3 by default: the least that survives the loss of one. */
  readonly servers?: number
  /** Port of the first server, the others count up from it. 0, the default: any that are free. */
  readonly port?: number
  /** That of every server; the one for development by default. */
  readonly config?: string
  /** As `user:password`, where the configuration wants one between servers. */
  readonly routeLogin?: string
  /** Further arguments of every server. */
  readonly args?: readonly string[]
}

/**
 * Starts several real nats-servers on 127.0.0.1 as one JetStream cluster and resolves once each
 * takes connections; they elect their leaders in the seconds after. They end with this process.
 */
export async function startNatsCluster(options: NatsClusterOptions): Promise<NatsCluster> {
  const { dir, servers: count = 3, port = 0, config, routeLogin, args = [] } = options
  const program = await natsServerPath()
  const routePorts = await freePorts(count)
  const login = routeLogin === undefined ? '' : `${routeLogin}@`
  const routeOf = (one: number) => `nats://${login}127.0.0.1:${one}`
  const routes = routePorts.map(routeOf).join(',')
  const servers = routePorts.map(
    (routePort, i) =>
      new NatsServer(program, {
        storeDir: join(dir, `nats-${i + 1}`),
        port: port === 0 ? 0 : port + i,
        ...(config !== undefined && { config }),
        args: [
          ...['--name', `nats-${i + 1}`, '--cluster_name', 'halfsecond'],
          ...['--cluster', routeOf(routePort), '--routes', routes],
          ...args,
        ],
      }),
  )
  const cluster = new NatsCluster(servers)
  try {
    await Promise.all(servers.map((server) => server.start()))
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return cluster
}

export class NatsCluster {
  readonly servers: readonly NatsServer[]

  constructor(servers: readonly NatsServer[]) {
    this.servers = servers
  }

  /** The addresses of all servers, by commas. */
  get url(): string {
    return this.servers.map(({ url }) => url).join(',')
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()))
  }
}

/** Ports of this machine that nobody listens on now, for programs that must be told one beforehand. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const listeners = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(listeners.map((listener) => once(listener, 'listening')))
  const ports = listeners.map((listener) => {
    const address = listener.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))))
  return ports
}
