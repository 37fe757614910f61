import type { Catalogue } from '../core/catalogue/catalogue.ts'
import { compileCondition } from '../core/condition/compile.ts'
import type { Condition } from '../core/decision/playbook.ts'
import { parseCel } from './cel.ts'
import { ConditionChecker } from './condition-checker.ts'
import { ConditionError } from './condition-error.ts'
import { declarationsOf } from './declarations.ts'
import type { Path, PlaybookDocument } from './document.ts'
import { FeatureRegistry } from './feature-registry.ts'
import type { PlaybookSource } from './source.ts'

/** What all parts of one playbook are compiled with: its text, where faults go, and its features. */
export class Compilation {
  readonly document: PlaybookDocument
  readonly source: PlaybookSource
  readonly features = new FeatureRegistry()
  readonly checker: ConditionChecker
  /** Those that the playbook is bound to, by their names. */
  readonly catalogues: ReadonlyMap<string, Catalogue>

  constructor(
    document: PlaybookDocument,
    source: PlaybookSource,
    catalogues: ReadonlyMap<string, Catalogue>,
  ) {
    this.document = document
    this.source = source
    this.catalogues = catalogues
    this.checker = new ConditionChecker(declarationsOf(source, document), this.features)
  }

  /** One that cannot be compiled is a fault, and unknown. */
  condition(path: Path, text: string, onFacts?: (facts: ReadonlySet<number>) => void): Condition {
    const checked = this.inText(path, text, () => this.checker.condition(parseCel(text)))
    onFacts?.(checked?.facts ?? new Set())
    if (checked === undefined) return { text, test: () => undefined, reads: [] }
    return { text, test: compileCondition(checked.expression), reads: checked.reads }
  }

  optionalCondition(path: Path, text: string | undefined): Condition | undefined {
    return text === undefined ? undefined : this.condition(path, text)
  }

  /** What `run` finds wrong in a text becomes a fault there, and the result undefined. */
  inText<T>(path: Path, text: string, run: () => T): T | undefined {
    try {
      return run()
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error
      this.document.addInText(path, text, error.start, error.end, error.message)
      return undefined
    }
  }
}
