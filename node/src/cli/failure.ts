import { HalfsecondError } from '@halfsecond/protocol'
import { PlaybookError } from '../playbook/faults.ts'

/** Exit codes of every command. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const

/** A command that has said already what is wrong, and only ends with an exit code. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly code: number

  constructor(code: number) {
    super(`exit ${code}`)
    this.code = code
  }
}

/** What went wrong, and what to do, for the person at the keyboard. */
export function describeFailure(thrown: unknown): string {
  if (thrown instanceof PlaybookError) return thrown.message
  if (thrown instanceof HalfsecondError) return `${thrown.code}: ${thrown.message}`
  return thrown instanceof Error ? thrown.message : String(thrown)
}
