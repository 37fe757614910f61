import type { Discontinuity, Follower, LogEntry } from '../../src/runtime/ports.ts'

/** Remembers all that a tail told, and lets a test wait for it. */
export class RecordingFollower implements Follower {
  readonly entries: LogEntry[] = []
  /** Entries that were there at each confirmation, and when it came. */
  readonly confirmations: { readonly entries: number; readonly at: number }[] = []
  ended: Discontinuity | undefined
  /** Called before an entry counts as passed; may throw. */
  onEntry: (entry: LogEntry) => void = () => {}
  private waiting: (() => void)[] = []

  entry(entry: LogEntry): void {
    this.onEntry(entry)
    this.entries.push({ ...entry, bytes: new Uint8Array(entry.bytes) })
    this.wake()
  }

  caughtUp(): void {
    this.confirmations.push({ entries: this.entries.length, at: performance.now() })
    this.wake()
  }

  discontinued(why: Discontinuity): void {
    this.ended = why
    this.wake()
  }

  get sequences(): number[] {
    return this.entries.map(({ sequence }) => sequence)
  }

  /** Resolves once `holds` does; looked at after everything that the tail tells. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  passed(count: number): Promise<void> {
    return this.until(() => this.entries.length >= count)
  }

  private wake(): void {
    const { waiting } = this
    this.waiting = []
    for (const resolve of waiting) resolve()
  }
}
