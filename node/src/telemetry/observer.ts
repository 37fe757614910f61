import { HalfsecondError, isErrorCode, reasons, retryableByCode } from '@halfsecond/protocol'
import { type ModelStep, modelSteps, type Observer } from '../runtime/ports.ts'
import { ChannelCells } from './channel-cells.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { NoteLimit } from './note-limit.ts'

type Level = 'info' | 'warn' | 'error'

/**
 * Makes metrics and logs of what the runtime tells. Called for every entry and every decision: it
 * looks nothing up by labels and makes no object there.
 */
export class TelemetryObserver implements Observer {
  private readonly metrics: Metrics
  private readonly logger: Logger
  private readonly limit = new NoteLimit(() => performance.now())
  private readonly applied: number
  private readonly skipped: number
  private readonly rejected: number
  private readonly age: number
  private readonly logged: number
  private readonly unlogged: number
  private readonly loggedBytes: number
  private readonly fedRecorded: number
  private readonly fedRefused: number
  private readonly fromStore: number
  private readonly fromNew: number
  private readonly passivations: number
  private readonly commits: number
  private readonly committedRows: number
  private readonly committedBytes: number
  private readonly promotions: number
  private readonly snapshots: number
  private readonly snapshotBytes: number
  private readonly trims: number
  private readonly postings: { readonly [result in 'taken' | 'refused' | 'dead']: number }
  private readonly modelFailures: ReadonlyMap<ModelStep, number>
  private readonly decisions: ChannelCells
  private readonly durations: ChannelCells
  private readonly errors: ReadonlyMap<string, number>
  private readonly routes = new Map<string, (number | undefined)[]>()

  constructor(metrics: Metrics, logger: Logger) {
    this.metrics = metrics
    this.logger = logger
    this.applied = metrics.records.cell({ result: 'applied' })
    this.skipped = metrics.records.cell({ result: 'skipped' })
    this.rejected = metrics.records.cell({ result: 'rejected' })
    this.age = metrics.recordAge.cell()
    this.logged = metrics.loggedDecisions.cell({ result: 'logged' })
    this.unlogged = metrics.loggedDecisions.cell({ result: 'left_out' })
    this.loggedBytes = metrics.loggedBytes.cell()
    this.fedRecorded = metrics.fed.cell({ result: 'recorded' })
    this.fedRefused = metrics.fed.cell({ result: 'refused' })
    this.fromStore = metrics.activations.cell({ from: 'store' })
    this.fromNew = metrics.activations.cell({ from: 'new' })
    this.passivations = metrics.passivations.cell()
    this.commits = metrics.commitDuration.cell()
    this.committedRows = metrics.committedRows.cell()
    this.committedBytes = metrics.committedBytes.cell()
    this.promotions = metrics.promotions.cell()
    this.snapshots = metrics.snapshots.cell()
    this.snapshotBytes = metrics.snapshotBytes.cell()
    this.trims = metrics.trims.cell()
    this.postings = {
      taken: metrics.webhooks.cell({ result: 'taken' }),
      refused: metrics.webhooks.cell({ result: 'refused' }),
      dead: metrics.webhooks.cell({ result: 'dead' }),
    }
    this.modelFailures = new Map(
      modelSteps.map((step) => [step, metrics.modelFailures.cell({ step })]),
    )
    this.decisions = new ChannelCells((channel, reason) =>
      metrics.decisions.cell({ channel, reason: knownReasons.has(reason) ? reason : 'other' }),
    )
    this.durations = new ChannelCells((channel, freshness) =>
      metrics.decideDuration.cell({ channel, freshness }),
    )
    this.errors = new Map(
      Object.keys(retryableByCode).map((code) => [code, metrics.decideErrors.cell({ code })]),
    )
  }

  folded(_shard: number, applied: number, skipped: number, rejected: number, ageMs: number): void {
    const { records, recordAge } = this.metrics
    if (applied > 0) {
      records.add(this.applied, applied)
      recordAge.count(this.age, Math.max(0, ageMs) / 1_000, applied)
    }
    if (skipped > 0) records.add(this.skipped, skipped)
    if (rejected > 0) records.add(this.rejected, rejected)
  }

  decided(channel: string, reason: string, freshness: string, seconds: number): void {
    const { decisions, decideDuration } = this.metrics
    decisions.add(this.decisions.cell(channel, reason))
    decideDuration.count(this.durations.cell(channel, freshness), seconds)
  }

  questionFailed(code: string): void {
    const cell = this.errors.get(isErrorCode(code) ? code : 'UNAVAILABLE')
    if (cell !== undefined) this.metrics.decideErrors.add(cell)
  }

  decisionsLogged(count: number, bytes: number): void {
    this.metrics.loggedDecisions.add(this.logged, count)
    this.metrics.loggedBytes.add(this.loggedBytes, bytes)
  }

  decisionsUnlogged(count: number): void {
    this.metrics.loggedDecisions.add(this.unlogged, count)
  }

  fed(recorded: number, refused: number): void {
    if (recorded > 0) this.metrics.fed.add(this.fedRecorded, recorded)
    if (refused > 0) this.metrics.fed.add(this.fedRefused, refused)
  }

  activated(from: 'store' | 'new'): void {
    this.metrics.activations.add(from === 'store' ? this.fromStore : this.fromNew)
  }

  passivated(count: number): void {
    this.metrics.passivations.add(this.passivations, count)
  }

  committed(_shard: number, rows: number, bytes: number, seconds: number): void {
    const { commitDuration, committedRows, committedBytes } = this.metrics
    commitDuration.count(this.commits, seconds)
    committedRows.add(this.committedRows, rows)
    committedBytes.add(this.committedBytes, bytes)
  }

  playbookActivated(version: number): void {
    this.noted('info', 'playbook active', { version })
  }

  promoted(shard: number, seconds: number): void {
    this.metrics.promotions.count(this.promotions, seconds)
    this.noted('info', 'leads', { shard, seconds })
  }

  snapshotCopied(shard: number, bytes: number, seconds: number): void {
    this.metrics.snapshots.count(this.snapshots, seconds)
    this.metrics.snapshotBytes.add(this.snapshotBytes, bytes)
    this.noted('info', 'copied', { shard, bytes, seconds })
  }

  trimmed(shard: number, first: number): void {
    this.metrics.trims.add(this.trims)
    this.noted('info', 'trimmed', { shard, first })
  }

  posted(result: 'taken' | 'refused' | 'dead'): void {
    this.metrics.webhooks.add(this.postings[result])
  }

  modelFailed(step: ModelStep): void {
    const cell = this.modelFailures.get(step)
    if (cell !== undefined) this.metrics.modelFailures.add(cell)
  }

  noted(level: Level, what: string, fields: Record<string, unknown> = {}): void {
    const held = this.limit.pass(what)
    if (held === undefined) return
    this.logger[level](held === 0 ? fields : { ...fields, alsoHeldBack: held }, what)
  }

  failed(what: string, error: HalfsecondError | Error): void {
    const isExpected = error instanceof HalfsecondError
    this.noted(isExpected ? 'warn' : 'error', `failed: ${what}`, {
      error: error.message,
      ...(isExpected ? { code: error.code } : { stack: error.stack }),
    })
  }

  /** An HTTP request was answered. @param route pattern of its address, never what a caller wrote */
  answered(route: string, status: number, seconds: number): void {
    const hundreds = Math.floor(status / 100)
    const cells = this.routes.get(route) ?? []
    const cell = cells[hundreds] ?? this.addRoute(route, hundreds, cells)
    this.metrics.httpDuration.count(cell, seconds)
  }

  /** Only what occurred is shown: all statuses of all routes would be most of the metrics. */
  private addRoute(route: string, hundreds: number, cells: (number | undefined)[]): number {
    const cell = this.metrics.httpDuration.cell({ route, status: `${hundreds}xx` })
    cells[hundreds] = cell
    this.routes.set(route, cells)
    return cell
  }
}

const knownReasons: ReadonlySet<string> = new Set(reasons)
