import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, startCluster } from '../lib/cluster.ts'
import { type Options, type Result, runDriver } from '../lib/driver.ts'
import { flushed } from '../lib/flushed.ts'
import { privateBytes } from '../lib/private-bytes.ts'
import type { Run } from './run.ts'

const names = [
  'p99-growth',
  'bytes-per-hot-visitor',
  'gc-pause-max',
  'restart-to-ready',
  'cold-decide-p99',
  'memory-within-budget',
]

/** Few enough to be no burden at all. */
const fewVisitors = 10_000

const rate = 1_000

/** Drivers that go as fast as they can get through this many visitors a second, or are stuck. */
const slowestPerSecond = 5_000

/** The second node may hold this share of what the first one held. */
const budgetShare = 8

/** A node is ready within this time. */
const startMaxMs = 180_000

type Metrics = ReadonlyMap<string, number>

/** What visitors cost while they are held, and what happens where there are more than fit. */
export async function memory({ figures, seconds, held }: Run): Promise<void> {
  await figures.take(names, async () => {
    const cluster = await startCluster()
    try {
      const bench = new MemoryBench(cluster, figures, held, seconds / 3)
      await bench.hold()
      await bench.restart('SIGTERM')
      await bench.restart('SIGKILL')
      await bench.outgrow()
    } finally {
      await cluster.stop()
    }
  })
}

class MemoryBench {
  private readonly cluster: Cluster
  private readonly figures: Run['figures']
  private readonly visitors: number
  private readonly seconds: number
  /** Of all actors while all were hot, as the node counts them. */
  private heldBytes = 0
  /** Decided cold so far: the next ones are others. */
  private coldFrom = 0

  constructor(cluster: Cluster, figures: Run['figures'], visitors: number, seconds: number) {
    this.cluster = cluster
    this.figures = figures
    this.visitors = visitors
    this.seconds = seconds
  }

  /** Few visitors, then all of them, hot. */
  async hold(): Promise<void> {
    const { figures, visitors } = this
    await this.fill(0, fewVisitors)
    await this.click(fewVisitors) // Warms up.
    const few = await this.click(fewVisitors)
    const before = await this.memoryNow()
    const metrics = await this.fill(fewVisitors, visitors)
    const after = await this.memoryNow()
    this.heldBytes = after.actors
    const added = visitors - fewVisitors
    const each = (bytes: number) => Math.round(bytes / added)
    figures.add({
      figure: 'bytes-per-hot-visitor',
      value: (after.process - before.process) / added,
      unit: 'B',
      with: {
        visitors,
        events: 3,
        hot: read(metrics, 'halfsecond_actors'),
        heap: each(after.heap - before.heap),
        countedByTheNode: each(after.actors - before.actors),
      },
    })
    const all = await this.click(visitors)
    this.pause(await this.cluster.metrics(), 'serving')
    figures.add({
      figure: 'p99-growth',
      value: all / few,
      unit: '×',
      with: { visitors, against: fewVisitors, rate, p99: `${all.toFixed(2)} ms` },
    })
  }

  /** How soon a node with all visitors on its disk, none in memory, answers again. */
  async restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { cluster, visitors } = this
    if (signal === 'SIGKILL') await this.click(visitors) // What its disk lacks is folded again.
    await cluster.stopNode(signal)
    const value = await this.start()
    const conditions = { scenario: signal, visitors }
    this.figures.add({ figure: 'restart-to-ready', value, unit: 's', with: conditions })
    if (signal === 'SIGTERM') await this.decideCold('after a restart')
  }

  /** All visitors once, on a node that may not hold them all. */
  async outgrow(): Promise<void> {
    const { cluster, visitors } = this
    await cluster.stopNode()
    const budget = Math.max(1024 ** 2, Math.floor(this.heldBytes / budgetShare))
    await this.start({ HALFSECOND_MEMORY_BYTES: String(budget) })
    await this.drive('visit-all', {
      visitors,
      concurrency: 256,
      seconds: visitors / slowestPerSecond,
    })
    const metrics = await cluster.metrics()
    this.figures.add({
      figure: 'memory-within-budget',
      value: read(metrics, 'halfsecond_actor_held_bytes') / budget,
      unit: '×',
      atMost: 1,
      with: {
        visitors,
        budgetMiB: Math.round(budget / 1024 ** 2),
        hot: read(metrics, 'halfsecond_actors'),
        processMiB: Math.round((await this.memoryNow()).process / 1024 ** 2),
      },
    })
    await this.decideCold('over budget')
  }

  /** Bytes: of the process without mapped files, of its heap, and of actors as the node counts. */
  private async memoryNow(): Promise<{ process: number; heap: number; actors: number }> {
    const metrics = await this.cluster.metrics()
    const resident = read(metrics, 'process_resident_memory_bytes')
    return {
      process: (await privateBytes(this.cluster.pid)) ?? resident,
      heap: read(metrics, 'nodejs_heap_size_used_bytes'),
      actors: read(metrics, 'halfsecond_actor_held_bytes'),
    }
  }

  private pause(metrics: Metrics, scenario: string): void {
    this.figures.add({
      figure: 'gc-pause-max',
      value: read(metrics, 'halfsecond_gc_pause_max_seconds') * 1_000,
      unit: 'ms',
      with: { scenario, visitors: this.visitors },
    })
  }

  private async decideCold(scenario: string): Promise<void> {
    const { visitors, seconds, coldFrom: from } = this
    const {
      p50 = 0,
      p99,
      next = 0,
    } = await this.drive('cold-decides', {
      visitors,
      from,
      rate,
      seconds,
    })
    this.coldFrom = next
    this.figures.add({
      figure: 'cold-decide-p99',
      value: p99 ?? null,
      unit: 'ms',
      with: { scenario, visitors, rate, p50: `${p50.toFixed(2)} ms` },
    })
  }

  /** Metrics once these visitors are folded and on the node's disk. */
  private async fill(from: number, to: number): Promise<Metrics> {
    const result = await this.drive('fill', { from, to, seconds: (to - from) / slowestPerSecond })
    if (result.failed !== 0) throw new Error(`${result.failed} events were not acknowledged`)
    if (from > 0) this.pause(await this.cluster.metrics(), 'filling')
    await flushed(this.cluster, result)
    return this.cluster.metrics()
  }

  /** The p99 of clicks and their content, for the first so many visitors. */
  private async click(visitors: number): Promise<number> {
    const { seconds } = this
    const { p99, errors } = await this.drive('click-to-content', { visitors, rate, seconds })
    if (errors !== 0 || p99 === undefined) throw new Error(`${errors} decides were not answered`)
    return p99
  }

  private async drive(name: string, options: Options): Promise<Result> {
    const result = await runDriver(name, { url: this.cluster.nats.url, ...options })
    if ((result.wrong ?? 0) > 0) throw new Error(`${result.wrong} visitors saw default content`)
    return result
  }

  /** Seconds until the node says that it is ready. */
  private async start(env?: { readonly [name: string]: string }): Promise<number> {
    const started = performance.now()
    await this.cluster.startNode(env)
    while (!(await fetch(`${this.cluster.url}/health/ready`)).ok) {
      if (performance.now() - started > startMaxMs) throw new Error('the node does not get ready')
      await sleep(10)
    }
    return (performance.now() - started) / 1_000
  }
}

function read(metrics: Metrics, name: string): number {
  return metrics.get(name) ?? Number.NaN
}
