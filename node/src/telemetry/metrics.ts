import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { CellCounter, CellHistogram } from './cells.ts'
import type { Gauges } from './gauges.ts'
import { GcPauses } from './gc-pauses.ts'
import { LoopDelay } from './loop-delay.ts'
import { type AddGauge, watchGauges } from './watched-gauges.ts'

/*
 * Every metric of a node, in one place. Base units; labels known up front and bounded, never what a
 * caller wrote; zero from the start. A shard's number is a label of gauges only: at most 256.
 */

/** The objectives' edges, 10, 50, 150 and 500 ms, must be edges of buckets. */
const decideBuckets = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1,
]
const httpBuckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10,
]
/** From the log to the fold: milliseconds when all is well, minutes while catching up. */
const ageBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300]
const commitBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** A promotion is promised within 2 s. */
const promotionBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30]
const snapshotBuckets = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 600]
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
  readonly loggedDecisions = new CellCounter({
    name: 'halfsecond_decision_log_decisions_total',
    help: 'Decisions, by whether they are in the decision log.',
  })
  readonly loggedBytes = new CellCounter({
    name: 'halfsecond_decision_log_bytes_total',
    help: 'Bytes of decisions appended to the decision log.',
  })
  readonly fed = new CellCounter({
    name: 'halfsecond_feed_records_total',
    help: 'Records that other systems brought over NATS, by what became of them.',
  })
  readonly webhooks = new CellCounter({
    name: 'halfsecond_webhook_posts_total',
    help: 'Signals sent to webhooks, by what became of them; dead: put aside.',
  })
  readonly modelFailures = new CellCounter({
    name: 'halfsecond_model_failures_total',
    help: 'Rounds of learning that failed, by the step that did.',
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
  readonly promotions = new CellHistogram(
    {
      name: 'halfsecond_promotion_seconds',
      help: 'Time from the map that made this node the primary of a shard until it leads.',
    },
    promotionBuckets,
  )
  readonly snapshots = new CellHistogram(
    {
      name: 'halfsecond_snapshot_seconds',
      help: 'Time that it took to copy a shard from another node.',
    },
    snapshotBuckets,
  )
  readonly snapshotBytes = new CellCounter({
    name: 'halfsecond_snapshot_bytes_total',
    help: 'Bytes of shards copied from other nodes.',
  })
  readonly trims = new CellCounter({
    name: 'halfsecond_log_trims_total',
    help: 'Times that old entries were removed from a log.',
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
    this.loggedDecisions,
    this.loggedBytes,
    this.fed,
    this.activations,
    this.passivations,
    this.commitDuration,
    this.committedRows,
    this.committedBytes,
    this.promotions,
    this.snapshots,
    this.snapshotBytes,
    this.trims,
    this.webhooks,
    this.modelFailures,
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
    watchGauges(gauges, (...one) => this.gauge(...one))
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

  private gauge(...[name, help, labelNames, read]: Parameters<AddGauge>): void {
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
