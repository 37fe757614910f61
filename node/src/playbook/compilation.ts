import type { Catalogue } from '../core/catalogue/catalogue.ts'
import { compileCondition, compileValue } from '../core/condition/compile.ts'
import type { Condition, Formula } from '../core/decision/playbook.ts'
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
  /** The playbook's time zone; where the text names none that exists, that is a fault, and this UTC. */
  readonly zone: string

  constructor(
    document: PlaybookDocument,
    source: PlaybookSource,
    catalogues: ReadonlyMap<string, Catalogue>,
  ) {
    this.document = document
    this.source = source
    this.catalogues = catalogues
    this.zone = this.knownZone()
    this.checker = new ConditionChecker(declarationsOf(source, document), this.features)
  }

  private knownZone(): string {
    const { zone = 'UTC' } = this.source
    try {
      new Intl.DateTimeFormat('en', { timeZone: zone })
      return zone
    } catch {
      this.document.add(['zone'], `no time zone "${zone}"; use an IANA name like Europe/London`)
      return 'UTC'
    }
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

  /** A number that is computed. @param isRank whether it may read what ranks are made of */
  formula(path: Path, text: string, isRank: boolean): Formula {
    const checked = this.inText(path, text, () => this.checker.number(parseCel(text), isRank))
    if (checked === undefined) return { text, evaluate: () => undefined }
    const value = compileValue(checked.expression)
    return {
      text,
      evaluate: (scope) => {
        const number = value(scope)
        return typeof number === 'number' ? number : undefined
      },
    }
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
