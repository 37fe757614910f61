import type { Catalogue } from '../core/catalogue/catalogue.ts'
import type {
  Candidate,
  Fact,
  Formula,
  Gate,
  Group,
  Placement,
  Playbook,
} from '../core/decision/playbook.ts'
import { Template } from '../core/decision/templates.ts'
import { parseDuration } from '../core/duration.ts'
import { Compilation } from './compilation.ts'
import { compileChannels } from './compile-channels.ts'
import { compileContexts } from './compile-contexts.ts'
import { compileExperiments, withExperiments } from './compile-experiments.ts'
import { compileLearning } from './compile-learning.ts'
import {
  type Compiled,
  compareCandidates,
  compileCandidate,
  compileLimits,
  compileOffers,
} from './compile-offers.ts'
import { checkNames, readableOf } from './declarations.ts'
import { type Path, PlaybookDocument, playbookBytesMax } from './document.ts'
import { factCycles } from './fact-cycles.ts'
import { PlaybookError } from './faults.ts'
import { segmentsOf } from './segments.ts'
import type { PlaybookSource } from './source.ts'
import { Treatments } from './treatments.ts'

/** Offers × placements of their formats: bounds the time and memory that a playbook takes. */
const candidatesMax = 20_000

/** What decisions look at of everybody: the time on the wall, and the language. */
const builtInTraits: readonly string[] = ['zone', 'locale']

const defaultTokenMs = 24 * 60 * 60_000

/**
 * Checks and compiles a playbook text, YAML or JSON.
 * @param catalogues by their names; of those that are missing the playbook's own examples are used
 * @param known the values of the text, where it was read before: that takes longer than all the rest
 * @throws PlaybookError with every fault that was found, and where
 */
export function compilePlaybook(
  text: string,
  catalogues: ReadonlyMap<string, Catalogue> = new Map(),
  known?: unknown,
): Playbook {
  return readPlaybook(text, catalogues, known).playbook
}

/** A playbook without a fault, and the text that it stands in. */
export interface ReadPlaybook {
  readonly playbook: Playbook
  readonly source: PlaybookSource
  readonly document: PlaybookDocument
}

/** As `compilePlaybook`. @throws PlaybookError */
export function readPlaybook(
  text: string,
  catalogues: ReadonlyMap<string, Catalogue> = new Map(),
  known?: unknown,
): ReadPlaybook {
  if (Buffer.byteLength(text) > playbookBytesMax) {
    throw new PlaybookError([
      { line: 1, column: 1, path: '', message: `a playbook has at most ${playbookBytesMax} bytes` },
    ])
  }
  const document = new PlaybookDocument(text, known)
  const { source } = document
  if (source === undefined) throw new PlaybookError(document.faults)
  const playbook = new Compiler(document, source, catalogues).compile()
  if (document.faults.length > 0) throw new PlaybookError(document.faults)
  return { playbook, source, document }
}

class Compiler {
  private readonly document: PlaybookDocument
  private readonly source: PlaybookSource
  private readonly compilation: Compilation
  private readonly treatments: Treatments
  private candidateCount = 0

  constructor(
    document: PlaybookDocument,
    source: PlaybookSource,
    catalogues: ReadonlyMap<string, Catalogue>,
  ) {
    this.document = document
    this.source = source
    this.compilation = new Compilation(document, source, catalogues)
    this.treatments = new Treatments(this.compilation)
  }

  compile(): Playbook {
    const { source } = this
    checkNames(source, this.document)
    const facts = this.facts()
    const groups = new Map(
      Object.keys(source.groups ?? {}).map((name, index) => [name, this.group(name, index)]),
    )
    const contexts = compileContexts(this.compilation)
    const offers = compileOffers(this.compilation, groups, contexts)
    const gates = compileChannels(this.compilation)
    const rank = this.rank(['rank'], source.rank)
    const plain = new Map(
      Object.keys(source.placements).map((name) => [
        name,
        this.placement(name, offers, gates, rank),
      ]),
    )
    this.treatments.checkFormats()
    if (this.candidateCount > candidatesMax)
      this.document.add(
        ['placements'],
        `at most ${candidatesMax} pairs of an offer and a placement that shows its format`,
      )
    const experiments = compileExperiments(this.compilation)
    const placements = withExperiments(plain, experiments)
    const groupOf = new Map(
      offers.flatMap(({ offer }) => (offer.group ? [[offer.name, offer.group.name] as const] : [])),
    )
    const channelOf = new Map(
      [...placements].map(([name, { channel }]) => [name, channel] as const),
    )
    const later = new Set(
      [...placements.values()].filter(({ isLater }) => isLater).map(({ name }) => name),
    )
    return {
      name: source.playbook,
      zone: this.compilation.zone,
      consent: source.consent?.personalise ?? 'required',
      readable: readableOf(source, this.document),
      traits: [...new Set([...Object.keys(source.traits ?? {}), ...builtInTraits])],
      facts,
      features: this.compilation.features.finish(groupOf, channelOf, later),
      placements,
      contexts: contexts.map(({ context }) => context),
      groups: [...groups.values()],
      segments: segmentsOf(source, facts, placements, this.document),
      experiments,
    }
  }

  private facts(): Fact[] {
    const uses: ReadonlySet<number>[] = []
    const facts = Object.entries(this.source.facts ?? {}).map(([name, text]) => ({
      name,
      condition: this.compilation.condition(['facts', name], text, (facts) => uses.push(facts)),
    }))
    for (const index of factCycles(uses)) {
      const name = facts[index]?.name ?? ''
      this.document.add(['facts', name], 'this fact refers to itself')
    }
    return facts
  }

  private group(name: string, index: number): Group {
    const text = this.source.groups?.[name]?.never
    const never = this.compilation.optionalCondition(['groups', name, 'never'], text)
    return { name, index, never }
  }

  private rank(path: Path, text: string | undefined): Formula | undefined {
    return text === undefined ? undefined : this.compilation.formula(path, text, true)
  }

  private placement(
    name: string,
    offers: readonly Compiled[],
    gates: ReadonlyMap<string, Gate>,
    rankOfAll: Formula | undefined,
  ): Placement {
    const source = this.source.placements[name]
    if (source === undefined) throw new TypeError(`placement ${name} is in the playbook`)
    const place = { placement: name, channel: source.channel }
    this.treatments.checkContent(['placements', name, 'fallback'], source.fallback)
    const rank = this.rank(['placements', name, 'rank'], source.rank) ?? rankOfAll
    const candidates: Candidate[] = []
    const templates: Template[] = []
    for (const compiled of offers) {
      if (!Object.hasOwn(compiled.source.treatments, source.format)) continue
      if (++this.candidateCount > candidatesMax) break
      const candidate = compileCandidate(
        compiled,
        source.format,
        place,
        rank,
        this.treatments,
        this.compilation,
      )
      const { stock } = compiled
      if (stock === undefined) candidates.push(candidate)
      else templates.push(new Template(candidate, rank, stock.selection, stock.worth))
    }
    const limitsPath = ['placements', name, 'limits']
    const limits = compileLimits(limitsPath, source.limits, 'placement', place, this.compilation)
    const shown = [...candidates, ...templates.map(({ candidate }) => candidate)]
    return {
      name,
      channel: source.channel,
      gate: gates.get(source.channel),
      learning: compileLearning(name, source, this.compilation),
      experiments: [],
      rank,
      count: source.count ?? 1,
      fallback: source.fallback,
      limits,
      tokenMs:
        source.token === undefined
          ? defaultTokenMs
          : (parseDuration(source.token) ?? defaultTokenMs),
      isLater: source.token !== undefined,
      candidates: candidates.sort(compareCandidates),
      templates,
      isStrict: [limits, ...shown.map((one) => one.limits)].flat().some(({ strict }) => strict),
    }
  }
}
