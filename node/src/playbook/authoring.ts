import type { Calendar } from '../core/decision/calendar.ts'
import { countChanges, diffPlaybooks } from './diff.ts'
import { describeChange } from './diff-words.ts'
import { PlaybookDocument } from './document.ts'
import { type Fault, PlaybookError } from './faults.ts'
import { runPlaybookTests } from './playbook-tests.ts'

/** What a publisher is told of a text. */
interface Review {
  readonly failures: readonly Fault[]
  readonly warnings: readonly Fault[]
}

/**
 * Checks a playbook, runs its own tests, and looks for what is hardly meant.
 * @param mustPass refuses it where its tests fail
 * @throws PlaybookError
 */
export function reviewPlaybook(text: string, mustPass: boolean, calendar: Calendar): Review {
  const { failures, warnings } = runPlaybookTests(text, calendar)
  if (mustPass && failures.length > 0) {
    const refusal = 'the playbook was not published, for its own tests fail'
    throw new PlaybookError(failures, { file: 'playbook', refusal })
  }
  return { failures, warnings }
}

export interface Comparison {
  readonly added: number
  readonly removed: number
  readonly changed: number
  /** For each change a line, or three. */
  readonly lines: readonly string[]
}

/** What another text says differently; one that is no playbook any more counts as none. */
export function comparePlaybooks(before: string | undefined, after: string): Comparison {
  const old = before === undefined ? undefined : new PlaybookDocument(before).source
  const { source } = new PlaybookDocument(after)
  const changes = source ? diffPlaybooks(old, source) : []
  return { ...countChanges(changes), lines: changes.map(describeChange) }
}
