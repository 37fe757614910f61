import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFields } from '@halfsecond/protocol'
import { freePorts } from '../../deploy/nats-server/cluster.ts'
import { findOnPath } from '../../deploy/tools.ts'

const readyMaxMs = 20_000

/** One line of a picture: a name, and values by time in milliseconds since 1970. */
export interface Series {
  readonly picture: string
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
}

export interface Scraped {
  readonly id: string
  readonly adminUrl: string
}

/** What the report draws, from what the nodes tell Prometheus. */
const queries: readonly { readonly picture: string; readonly query: string }[] = [
  {
    picture: 'Decides a second, by node',
    query: 'sum by (node) (rate(halfsecond_decisions_total[5s]))',
  },
  { picture: 'Shards led, by node', query: 'sum by (node) (halfsecond_shard_leads)' },
]

/** A real Prometheus, where this machine has one; else it draws nothing and says why. */
export class Prometheus {
  private readonly child: ChildProcess | undefined
  private readonly url: string
  private readonly config: string

  private constructor(child: ChildProcess | undefined, url: string, config: string) {
    this.child = child
    this.url = url
    this.config = config
  }

  /** Scrapes the nodes' admin ports every second. */
  static async start(dir: string, nodes: readonly Scraped[]): Promise<Prometheus> {
    const program = findOnPath('prometheus')
    if (program === undefined) {
      process.stderr.write('prometheus is not installed: the report has no pictures of the nodes\n')
      return new Prometheus(undefined, '', '')
    }
    const config = join(dir, 'prometheus.json')
    await writeFile(config, configOf(nodes))
    const [port = 0] = await freePorts(1)
    const child = spawn(
      program,
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(dir, 'prometheus')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    )
    const prometheus = new Prometheus(child, `http://127.0.0.1:${port}`, config)
    await prometheus.ready()
    return prometheus
  }

  /** Scrapes these nodes from now on. */
  async scrape(nodes: readonly Scraped[]): Promise<void> {
    if (this.child === undefined) return
    await writeFile(this.config, configOf(nodes))
    this.child.kill('SIGHUP')
  }

  /** Everything that the report draws, second by second. */
  async series(from: number, to: number): Promise<readonly Series[]> {
    if (this.child === undefined) return []
    const all = await Promise.all(
      queries.map(async ({ picture, query }) => {
        const range = { query, start: String(from / 1000), end: String(to / 1000), step: '1' }
        const response = await fetch(`${this.url}/api/v1/query_range?${new URLSearchParams(range)}`)
        return linesOf(picture, await response.json())
      }),
    )
    return all.flat()
  }

  async stop(): Promise<void> {
    if (this.child === undefined) return
    const ended = once(this.child, 'close')
    this.child.kill('SIGTERM')
    await ended
  }

  private async ready(): Promise<void> {
    for (const end = Date.now() + readyMaxMs; Date.now() < end; await sleep(100)) {
      const response = await fetch(`${this.url}/-/ready`).catch(() => undefined)
      if (response?.ok) return
    }
    throw new Error(`prometheus was not ready within ${readyMaxMs / 1000} s`)
  }
}

/** JSON is YAML. */
function configOf(nodes: readonly Scraped[]): string {
  const static_configs = nodes.map(({ id, adminUrl }) => ({
    targets: [adminUrl.replace('http://', '')],
    labels: { node: id },
  }))
  const global = { scrape_interval: '1s', scrape_timeout: '1s' }
  return JSON.stringify({ global, scrape_configs: [{ job_name: 'halfsecond', static_configs }] })
}

function linesOf(picture: string, answer: unknown): Series[] {
  const data = isFields(answer) && isFields(answer.data) ? answer.data.result : undefined
  if (!Array.isArray(data)) return []
  return data.filter(isFields).map(({ metric, values }) => ({
    picture,
    name: isFields(metric) ? String(metric.node) : '',
    points: (Array.isArray(values) ? values : []).map((point: unknown) => {
      const [at, value]: unknown[] = Array.isArray(point) ? point : []
      return [Number(at) * 1000, Number(value)] as const
    }),
  }))
}
