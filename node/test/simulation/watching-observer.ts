import type { Observer } from '../../src/runtime/ports.ts'

/** Remembers what one life of a node told of itself. */
export class WatchingObserver implements Observer {
  promotions = 0
  /** What a human should read. */
  readonly alerts: string[] = []
  readonly failures: string[] = []
  /** Copies of shards that came from other nodes. */
  copies = 0
  refusedCommits = 0

  folded(): void {}
  decided(): void {}
  questionFailed(): void {}
  activated(): void {}
  passivated(): void {}
  committed(): void {}
  playbookActivated(): void {}
  snapshotCopied(): void {}
  trimmed(): void {}

  promoted(): void {
    this.promotions++
  }

  noted(level: 'info' | 'warn' | 'error', what: string): void {
    if (level === 'error') this.alerts.push(what)
    if (what.startsWith('copied shard')) this.copies++
  }

  failed(what: string, error: Error): void {
    if (what === 'checkpoint') this.refusedCommits++
    this.failures.push(`${what}: ${error.message}`)
  }
}
