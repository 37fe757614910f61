import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { CellCounter, CellHistogram } from './cells.ts'
import type { Gauges } from './gauges.ts'
import { GcPauses } from './gc-pauses.ts'
import { LoopDelay } from './loop-delay.ts'

/*
 * Every metric of a node, in one place. Base units; labels known up front and bounded, never what a
 * caller wrote; zero from the start. A shard's number is a label of gauges only: at most 256.
 */

/** The objectives' edges, 10, 50 and 500 ms, must be edges of buckets. */
const decideBuckets = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]
const httpBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
/** From the log to the fold: milliseconds when all is well, minutes while catching up. */
const ageBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300]
const commitBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const gcBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5]

export interface MetricsOptions {
  readonly version: string
  readonly node: string
}

export class Metrics {
  readonly contentType: string
  readonly records = new CellCounter({
    name: 'halfsecond_records_total',
    help: 'Records of the log that the fold met, by what became of them.',
  })
  readonly recordAge = new CellHistogram(
    {
      name: 'halfsecond_record_age_seconds',
      help: "Time from a batch's place in the log to its fold.",
    },
    ageBuckets,
  )
  readonly decideDuration = new CellHistogram(
    {
      name: 'halfsecond_decide_duration_seconds',
      help: 'Time that a node takes to decide, without waiting for a position.',
    },
    decideBuckets,
  )
  readonly decisions = new CellCounter({
    name: 'halfsecond_decisions_total',
    help: 'Placements answered.',
  })
  readonly decideErrors = new CellCounter({
    name: 'halfsecond_decide_errors_total',
    help: 'Questions that could not be answered.',
  })
  readonly activations = new CellCounter({
    name: 'halfsecond_actor_activations_total',
    help: 'Actors brought into memory.',
  })
  readonly passivations = new CellCounter({
    name: 'halfsecond_actor_passivations_total',
    help: 'Actors that left memory to make room.',
  })
  readonly commitDuration = new CellHistogram(
    {
      name: 'halfsecond_lmdb_commit_seconds',
      help: 'Time of a checkpoint transaction until it is on disk.',
    },
    commitBuckets,
  )
  readonly committedRows = new CellCounter({
    name: 'halfsecond_lmdb_committed_rows_total',
    help: 'Rows written by checkpoints.',
  })
  readonly committedBytes = new CellCounter({
    name: 'halfsecond_lmdb_committed_bytes_total',
    help: 'Bytes written by checkpoints.',
  })
  readonly httpDuration = new CellHistogram(
    {
      name: 'halfsecond_http_request_duration_seconds',
      help: 'Time of an HTTP request, by the pattern of its address.',
    },
    httpBuckets,
  )
  private readonly registry = new Registry()
  private readonly cells = [
    this.records,
    this.recordAge,
    this.decideDuration,
    this.decisions,
    this.decideErrors,
    this.activations,
    this.passivations,
    this.commitDuration,
    this.committedRows,
    this.committedBytes,
    this.httpDuration,
  ]
  private readonly loopDelay = new LoopDelay()
  private readonly gcPauses = new GcPauses()

  constructor({ version, node }: MetricsOptions) {
    this.contentType = this.registry.contentType
    collectDefaultMetrics({ register: this.registry, gcDurationBuckets: gcBuckets })
    this.gauge('build_info', 'What runs here.', ['version', 'node'], (gauge) =>
      gauge.set({ version, node }, 1),
    )
    this.gauge(
      'loop_delay_seconds',
      'Event-loop delay since the last scrape.',
      ['quantile'],
      (gauge) => {
        const { p50, p99, max } = this.loopDelay.take()
        gauge.set({ quantile: '0.5' }, p50)
        gauge.set({ quantile: '0.99' }, p99)
        gauge.set({ quantile: '1' }, max)
      },
    )
    this.gauge(
      'gc_pause_max_seconds',
      'Longest pause of the garbage collector since the last scrape.',
      [],
      (gauge) => gauge.set(this.gcPauses.take()),
    )
  }

  /** Shows from now on what these gauges say. Once. */
  watch(gauges: Gauges): void {
    this.gauge('actors', 'Actors in memory.', [], (gauge) => gauge.set(gauges.actors.count))
    this.gauge('actor_held_bytes', 'Bytes that actors hold.', [], (gauge) =>
      gauge.set(gauges.actors.heldBytes),
    )
    this.gauge('actor_budget_bytes', 'Bytes that actors may hold.', [], (gauge) =>
      gauge.set(gauges.actors.budgetBytes),
    )
    this.gauge('actor_arena_bytes', 'Bytes of the pages of the arena.', [], (gauge) =>
      gauge.set(gauges.actors.arenaBytes),
    )
    this.gauge('cluster_epoch', 'Epoch of the shard map.', [], (gauge) =>
      gauge.set(gauges.map.epoch),
    )
    this.gauge('cluster_nodes', 'Nodes of the shard map.', [], (gauge) =>
      gauge.set(gauges.map.nodes),
    )
    this.gauge('playbook_version', 'Playbook that decides; 0 before the first.', [], (gauge) =>
      gauge.set(gauges.playbook),
    )
    this.gauge('log_reachable', '1 while the log can be written to.', [], (gauge) =>
      gauge.set(gauges.logReachable ? 1 : 0),
    )
    this.watchShards(gauges)
    this.watchStore(gauges)
  }

  /** All of it, as Prometheus reads it. */
  async text(): Promise<string> {
    const registered = await this.registry.metrics()
    return registered + this.cells.map((metric) => metric.text()).join('')
  }

  close(): void {
    this.loopDelay.close()
    this.gcPauses.close()
    this.registry.clear()
  }

  private watchShards(gauges: Gauges): void {
    this.gauge('shards', 'Shards that this node holds.', ['state'], (gauge) => {
      gauge.reset()
      for (const { status } of gauges.shards()) gauge.inc({ state: status })
    })
    this.gauge('shards_fresh', 'Shards whose answers are fresh.', [], (gauge) => {
      let fresh = 0
      for (const { isFresh } of gauges.shards()) if (isFresh) fresh++
      gauge.set(fresh)
    })
    const perShard = [
      ['shard_applied_sequence', 'Last log entry applied.', 'applied'],
      ['shard_flushed_sequence', 'Last log entry that a restart need not fold again.', 'flushed'],
      ['shard_lag_entries', 'Log entries not applied yet.', 'lag'],
    ] as const
    for (const [name, help, field] of perShard) {
      this.gauge(name, help, ['shard'], (gauge) => {
        gauge.reset()
        for (const one of gauges.shards()) {
          const value = one[field]
          if (value !== undefined) gauge.set({ shard: String(one.shard) }, value)
        }
      })
    }
  }

  private watchStore(gauges: Gauges): void {
    this.gauge('lmdb_used_bytes', 'Bytes of the store on disk.', [], async (gauge) => {
      gauge.set((await gauges.store()).usedBytes)
    })
    this.gauge('lmdb_free_bytes', 'Bytes that its disk still has.', [], async (gauge) => {
      gauge.set((await gauges.store()).freeBytes)
    })
  }

  private gauge(
    name: string,
    help: string,
    labelNames: readonly string[],
    read: (gauge: Gauge) => void | Promise<void>,
  ): void {
    new Gauge({
      name: `halfsecond_${name}`,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        return read(this)
      },
    })
  }
}
