import type { Observer } from '../../src/runtime/ports.ts'
import type { Coverage } from './coverage.ts'

/** Remembers what one life of a node told of itself. */
export class WatchingObserver implements Observer {
  /** What a human should read. */
  readonly alerts: string[] = []
  readonly failures: string[] = []
  private readonly coverage: Coverage

  constructor(coverage: Coverage) {
    this.coverage = coverage
  }

  folded(): void {}
  decided(): void {}
  questionFailed(): void {}
  decisionsLogged(): void {}
  decisionsUnlogged(): void {}
  fed(): void {}
  activated(): void {}
  passivated(): void {}
  committed(): void {}
  playbookActivated(): void {}
  trimmed(): void {}
  posted(): void {}
  modelFailed(): void {}

  promoted(): void {}

  snapshotCopied(): void {
    this.coverage.count('copies')
  }

  noted(level: 'info' | 'warn' | 'error', what: string): void {
    if (level === 'error') this.alerts.push(what)
  }

  failed(what: string, error: Error): void {
    if (what === 'checkpoint') this.coverage.count('refused-commits')
    this.failures.push(`${what}: ${error.message}`)
  }
}
