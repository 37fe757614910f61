import type { Gauges } from './gauges.ts'
import { type LogLevel, type LogOutput, makeLogger } from './logger.ts'
import { Metrics } from './metrics.ts'
import { TelemetryObserver } from './observer.ts'

export interface TelemetryOptions {
  readonly version: string
  readonly node: string
  readonly level: LogLevel
  readonly output: LogOutput
}

/** Metrics and logs of one node; also what the HTTP doors ask for. */
export class Telemetry {
  readonly observer: TelemetryObserver
  private readonly store: Metrics

  constructor(options: TelemetryOptions) {
    this.store = new Metrics(options)
    const logger = makeLogger(options.level, options.node, options.output)
    this.observer = new TelemetryObserver(this.store, logger)
  }

  get contentType(): string {
    return this.store.contentType
  }

  metrics(): Promise<string> {
    return this.store.text()
  }

  answered(route: string, status: number, seconds: number): void {
    this.observer.answered(route, status, seconds)
  }

  failed(what: string, error: Error): void {
    this.observer.failed(what, error)
  }

  /** Shows these gauges from now on. Once. */
  watch(gauges: Gauges): void {
    this.store.watch(gauges)
  }

  close(): void {
    this.store.close()
  }
}
