import type { Calendar } from '../core/decision/calendar.ts'
import { countChanges, diffPlaybooks } from './diff.ts'
import { describeChange } from './diff-words.ts'
import { PlaybookDocument } from './document.ts'
import { type Fault, PlaybookError } from './faults.ts'
import { runPlaybookTests } from './playbook-tests.ts'
import type { PlaybookSource } from './source.ts'

/** Changes that are told in words, and characters of each: nobody reads more, and all are counted. */
const linesMax = 1_000
const lineCharsMax = 1_000

/** What a publisher is told of a text. */
export interface Review {
  readonly failures: readonly Fault[]
  readonly warnings: readonly Fault[]
  readonly changes: Comparison
}

/**
 * Checks a playbook, runs its own tests, looks for what is hardly meant, and compares it.
 * @param before undefined where there was none
 * @param mustPass refuses it where its tests fail
 * @throws PlaybookError
 */
export function reviewPlaybook(
  text: string,
  before: string | undefined,
  mustPass: boolean,
  calendar: Calendar,
): Review {
  const { source, failures, warnings } = runPlaybookTests(text, calendar)
  if (mustPass && failures.length > 0) {
    const refusal = 'the playbook was not published, for its own tests fail'
    throw new PlaybookError(failures, { file: 'playbook', refusal })
  }
  return { failures, warnings, changes: compare(before, source) }
}

interface Comparison {
  readonly added: number
  readonly removed: number
  readonly changed: number
  /** For each of the first changes a line, or three. */
  readonly lines: readonly string[]
}

/** What was published before a version of this software that reads it otherwise counts as nothing. */
function compare(before: string | undefined, source: PlaybookSource): Comparison {
  const old = before === undefined ? undefined : new PlaybookDocument(before).source
  const changes = diffPlaybooks(old, source)
  const lines = changes.slice(0, linesMax).map(describeChange)
  return { ...countChanges(changes), lines: lines.map((line) => line.slice(0, lineCharsMax)) }
}
