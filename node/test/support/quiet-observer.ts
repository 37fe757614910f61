import type { Observer } from '../../src/runtime/ports.ts'

/** Counts what a test may ask for and says nothing. */
export class QuietObserver implements Observer {
  passivations = 0
  readonly failures: string[] = []
  readonly notes: string[] = []

  folded(): void {}
  decided(): void {}
  questionFailed(): void {}
  activated(): void {}
  committed(): void {}
  playbookActivated(): void {}

  passivated(count: number): void {
    this.passivations += count
  }

  noted(_: 'info' | 'warn' | 'error', what: string): void {
    this.notes.push(what)
  }

  failed(what: string, error: Error): void {
    this.failures.push(`${what}: ${error.message}`)
  }
}
