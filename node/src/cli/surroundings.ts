import type { Readable, Writable } from 'node:stream'

/** Who runs a command, as far as the system says. */
export function userOf({ env }: Pick<Surroundings, 'env'>): string {
  return env.USER || env.LOGNAME || env.USERNAME || 'unknown'
}

/** What a command sees of the process that it runs in. Made by `main.ts`, and by tests. */
export interface Surroundings {
  readonly env: { readonly [name: string]: string | undefined }
  readonly input: Readable
  /** Results. */
  readonly output: Writable
  /** Progress, notes and errors. */
  readonly notes: Writable
  /** Whether notes are read by a person while they come. */
  readonly isTerminal: boolean
  /** Aborted when the process is asked to stop. */
  readonly stopping: AbortSignal
}
