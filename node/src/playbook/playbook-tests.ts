import type { Calendar } from '../core/decision/calendar.ts'
import type { Playbook } from '../core/decision/playbook.ts'
import { runCases } from './cases.ts'
import { readPlaybook } from './compile-playbook.ts'
import type { Fault } from './faults.ts'
import type { PlaybookSource } from './source.ts'
import { warningsOf } from './warnings/warnings-of.ts'

export interface TestedPlaybook {
  readonly playbook: Playbook
  readonly source: PlaybookSource
  /** Cases in its `tests`. */
  readonly cases: number
  /** What the cases expect and the playbook does not do, where it is written. */
  readonly failures: readonly Fault[]
  /** What is no fault, but hardly meant. */
  readonly warnings: readonly Fault[]
}

/**
 * Compiles a playbook and runs its own tests.
 * @throws PlaybookError with every fault that keeps it from being compiled
 */
export function runPlaybookTests(text: string, calendar: Calendar): TestedPlaybook {
  const { playbook, source, document } = readPlaybook(text)
  const warnings = warningsOf({ playbook, source, document })
  runCases(source, playbook, document, calendar)
  const cases = source.tests?.length ?? 0
  return { playbook, source, cases, failures: document.faults, warnings }
}
