import type { Playbook } from '../../core/decision/playbook.ts'
import type { PlaybookDocument } from '../document.ts'
import type { Fault } from '../faults.ts'
import type { PlaybookSource } from '../source.ts'
import { warnOfOffersBehind } from './behind.ts'
import { warnOfCaps } from './caps.ts'
import { warnOfExperiments } from './experiments.ts'
import { warnOfLearning } from './learning.ts'
import { warnOfRules } from './rules.ts'
import { warnOfUnused } from './unused.ts'

/** What a playbook without a fault says that its author hardly means, in the order of the text. */
export function warningsOf({
  playbook,
  source,
  document,
}: {
  readonly playbook: Playbook
  readonly source: PlaybookSource
  readonly document: PlaybookDocument
}): readonly Fault[] {
  warnOfRules(source, document)
  warnOfOffersBehind(source, document)
  warnOfCaps(source, document)
  warnOfUnused(source, document)
  warnOfLearning(playbook, source, document)
  warnOfExperiments(playbook, document)
  return document.warnings.toSorted((a, b) => a.line - b.line || a.column - b.column)
}
