import type { Observer } from '../../src/runtime/ports.ts'

/** Counts what a test may ask for and says nothing. */
export class QuietObserver implements Observer {
  activations = 0
  passivations = 0
  /** Placements that were answered, and codes of those that were not. */
  decisions = 0
  /** Records of the feed: recorded, refused. */
  readonly fedRecords: [number, number] = [0, 0]
  /** In the decision log, and left out of it. */
  readonly loggedDecisions: [number, number] = [0, 0]
  readonly refusals: string[] = []
  readonly failures: string[] = []
  readonly notes: string[] = []
  readonly modelFailures: string[] = []

  folded(): void {}
  committed(): void {}
  playbookActivated(): void {}
  promoted(): void {}
  snapshotCopied(): void {}
  trimmed(): void {}
  posted(): void {}

  decisionsLogged(count: number): void {
    this.loggedDecisions[0] += count
  }

  decisionsUnlogged(count: number): void {
    this.loggedDecisions[1] += count
  }

  fed(recorded: number, refused: number): void {
    this.fedRecords[0] += recorded
    this.fedRecords[1] += refused
  }

  decided(): void {
    this.decisions++
  }

  questionFailed(code: string): void {
    this.refusals.push(code)
  }

  activated(): void {
    this.activations++
  }

  passivated(count: number): void {
    this.passivations += count
  }

  modelFailed(step: string): void {
    this.modelFailures.push(step)
  }

  noted(_: 'info' | 'warn' | 'error', what: string): void {
    this.notes.push(what)
  }

  failed(what: string, error: Error): void {
    this.failures.push(`${what}: ${error.message}`)
  }
}
