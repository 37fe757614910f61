import { encode, propertiesFault, type Value } from '@halfsecond/protocol'
import { compileCondition } from '../core/condition/compile.ts'
import type { Read } from '../core/condition/read.ts'
import type {
  Candidate,
  Condition,
  Fact,
  Group,
  Limit,
  Offer,
  Placement,
  Playbook,
} from '../core/decision/playbook.ts'
import { parseDuration } from '../core/duration.ts'
import { parseCel } from './cel.ts'
import { ConditionChecker } from './condition-checker.ts'
import { ConditionError } from './condition-error.ts'
import { compileContent } from './content.ts'
import { checkNames, declarationsOf, readableOf } from './declarations.ts'
import { type Path, PlaybookDocument, playbookBytesMax } from './document.ts'
import { factCycles } from './fact-cycles.ts'
import { didYouMean, PlaybookError } from './faults.ts'
import { FeatureRegistry } from './feature-registry.ts'
import { compileAfter, compileLimit, LimitError, type LimitPlace, unsubscribed } from './limits.ts'
import { segmentsOf } from './segments.ts'
import type { LimitSource, OfferSource, PlaybookSource } from './source.ts'

/** Content larger than this belongs behind a link. */
const contentBytesMax = 16 * 1024

/** Offers × placements of their formats: bounds the time and memory that a playbook takes. */
const candidatesMax = 20_000

const defaultTokenMs = 24 * 60 * 60_000
const defaultRejected = { pause: '30d' }

/**
 * Checks and compiles a playbook text, YAML or JSON.
 * @throws PlaybookError with every fault that was found, and where
 */
export function compilePlaybook(text: string): Playbook {
  return readPlaybook(text).playbook
}

/** A playbook without a fault, and the text that it stands in. */
export interface ReadPlaybook {
  readonly playbook: Playbook
  readonly source: PlaybookSource
  readonly document: PlaybookDocument
}

/** As `compilePlaybook`. @throws PlaybookError */
export function readPlaybook(text: string): ReadPlaybook {
  if (Buffer.byteLength(text) > playbookBytesMax) {
    throw new PlaybookError([
      { line: 1, column: 1, path: '', message: `a playbook has at most ${playbookBytesMax} bytes` },
    ])
  }
  const document = new PlaybookDocument(text)
  const { source } = document
  if (source === undefined) throw new PlaybookError(document.faults)
  const playbook = new Compiler(document, source).compile()
  if (document.faults.length > 0) throw new PlaybookError(document.faults)
  return { playbook, source, document }
}

type Form = Pick<Candidate, 'content' | 'contentReads'>

class Compiler {
  private readonly document: PlaybookDocument
  private readonly source: PlaybookSource
  private readonly features = new FeatureRegistry()
  private readonly checker: ConditionChecker
  private readonly forms = new Map<string, Form>()
  private candidateCount = 0

  constructor(document: PlaybookDocument, source: PlaybookSource) {
    this.document = document
    this.source = source
    this.checker = new ConditionChecker(declarationsOf(source, document), this.features)
  }

  compile(): Playbook {
    const { source } = this
    this.checkZone()
    checkNames(source, this.document)
    const facts = this.facts()
    const groups = new Map(Object.keys(source.groups ?? {}).map((name) => [name, this.group(name)]))
    const offers = Object.entries(source.offers ?? {}).map(([name, offer]) => ({
      offer: this.offer(name, offer, groups),
      source: offer,
    }))
    offers.sort((a, b) => compareOffers(a.offer, b.offer))
    const placements = new Map(
      Object.keys(source.placements).map((name) => [name, this.placement(name, offers)]),
    )
    this.checkFormats()
    if (this.candidateCount > candidatesMax)
      this.document.add(
        ['placements'],
        `at most ${candidatesMax} pairs of an offer and a placement that shows its format`,
      )
    const groupOf = new Map(
      offers.flatMap(({ offer }) => (offer.group ? [[offer.name, offer.group.name] as const] : [])),
    )
    const channelOf = new Map(
      [...placements].map(([name, { channel }]) => [name, channel] as const),
    )
    return {
      name: source.playbook,
      zone: source.zone ?? 'UTC',
      consent: source.consent?.personalise ?? 'required',
      readable: readableOf(source, this.document),
      facts,
      features: this.features.finish(groupOf, channelOf),
      placements,
      segments: segmentsOf(source, facts, placements, this.document),
    }
  }

  private checkZone(): void {
    const { zone } = this.source
    if (zone === undefined) return
    try {
      new Intl.DateTimeFormat('en', { timeZone: zone })
    } catch {
      this.document.add(['zone'], `no time zone "${zone}"; use an IANA name like Europe/London`)
    }
  }

  private facts(): Fact[] {
    const uses: ReadonlySet<number>[] = []
    const facts = Object.entries(this.source.facts ?? {}).map(([name, text]) => ({
      name,
      condition: this.condition(['facts', name], text, (facts) => uses.push(facts)),
    }))
    for (const index of factCycles(uses)) {
      const name = facts[index]?.name ?? ''
      this.document.add(['facts', name], 'this fact refers to itself')
    }
    return facts
  }

  private condition(
    path: Path,
    text: string,
    onFacts?: (facts: ReadonlySet<number>) => void,
  ): Condition {
    const checked = this.inText(path, text, () => this.checker.condition(parseCel(text)))
    onFacts?.(checked?.facts ?? new Set())
    if (checked === undefined) return { text, test: () => undefined, reads: [] }
    return { text, test: compileCondition(checked.expression), reads: checked.reads }
  }

  private group(name: string): Group {
    const never = this.source.groups?.[name]?.never
    return {
      name,
      never: never === undefined ? undefined : this.condition(['groups', name, 'never'], never),
    }
  }

  private offer(name: string, source: OfferSource, groups: ReadonlyMap<string, Group>): Offer {
    if (source.group !== undefined && !groups.has(source.group)) {
      this.document.add(
        ['offers', name, 'group'],
        `no group "${source.group}"${didYouMean(source.group, groups.keys())}`,
      )
    }
    const weight =
      source.group === undefined ? 1 : (this.source.groups?.[source.group]?.weight ?? 1)
    return {
      name,
      group: source.group === undefined ? undefined : groups.get(source.group),
      priority: source.priority ?? 0,
      score: (source.value ?? 1) * weight,
      when:
        source.when === undefined
          ? undefined
          : this.condition(['offers', name, 'when'], source.when),
      never:
        source.never === undefined
          ? undefined
          : this.condition(['offers', name, 'never'], source.never),
    }
  }

  private placement(
    name: string,
    offers: readonly { offer: Offer; source: OfferSource }[],
  ): Placement {
    const source = this.source.placements[name]
    if (source === undefined) throw new TypeError(`placement ${name} is in the playbook`)
    const place = { placement: name, channel: source.channel }
    this.checkContent(['placements', name, 'fallback'], source.fallback)
    const candidates: Candidate[] = []
    for (const { offer, source: offerSource } of offers) {
      if (!Object.hasOwn(offerSource.treatments, source.format)) continue
      if (++this.candidateCount > candidatesMax) break
      candidates.push(this.candidate(offer, offerSource, source.format, place))
    }
    return {
      name,
      channel: source.channel,
      count: source.count ?? 1,
      fallback: source.fallback,
      limits: this.limits(['placements', name, 'limits'], source.limits, 'placement', place),
      tokenMs:
        source.token === undefined
          ? defaultTokenMs
          : (parseDuration(source.token) ?? defaultTokenMs),
      candidates,
    }
  }

  private candidate(
    offer: Offer,
    source: OfferSource,
    format: string,
    place: LimitPlace,
  ): Candidate {
    const group = source.group === undefined ? {} : { group: source.group }
    const here = { ...place, ...group, offer: offer.name }
    const groupLimits =
      source.group === undefined ? undefined : this.source.groups?.[source.group]?.limits
    const limits = [
      unsubscribed(offer.name, this.features),
      compileAfter('accept', source.accepted ?? 'retire', offer.name, this.features),
      compileAfter('reject', source.rejected ?? defaultRejected, offer.name, this.features),
      ...this.limits(['offers', offer.name, 'limits'], source.limits, 'offer', here),
      ...this.limits(['groups', source.group ?? '', 'limits'], groupLimits, 'offer', here),
    ]
    return {
      offer,
      treatment: format,
      limits: limits.filter((limit) => limit !== undefined),
      ...this.form(offer.name, format, source.treatments[format] ?? null),
    }
  }

  /** An offer's content for a format, compiled once however many placements show it. */
  private form(offer: string, format: string, content: Value): Form {
    const key = JSON.stringify([offer, format])
    let form = this.forms.get(key)
    if (form === undefined) {
      const path = ['offers', offer, 'treatments', format]
      this.checkContent(path, content)
      form = this.content(path, content)
      this.forms.set(key, form)
    }
    return form
  }

  private limits(
    path: Path,
    sources: readonly LimitSource[] | undefined,
    own: 'offer' | 'placement',
    place: LimitPlace,
  ): Limit[] {
    return (sources ?? []).flatMap((source, index) => {
      try {
        return [compileLimit(source, own, place, this.features)]
      } catch (error) {
        if (!(error instanceof LimitError)) throw error
        this.document.add([...path, index, error.key], error.message)
        return []
      }
    })
  }

  private content(path: Path, content: Value): Form {
    let at: Path = path
    let text = ''
    const contentReads: Read[] = []
    const compile = (cel: string) => {
      const { expression, reads } = this.checker.value(parseCel(cel))
      contentReads.push(...reads)
      return expression
    }
    const onText = (inner: Path) => {
      at = [...path, ...inner]
      text = textAt(content, inner)
    }
    try {
      return { content: compileContent(content, compile, onText), contentReads }
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error
      this.document.addInText(at, text, error.start, error.end, error.message)
      return { content: () => undefined, contentReads }
    }
  }

  private checkContent(path: Path, content: Value): void {
    const fault = propertiesFault('content', { content })
    if (fault !== undefined) {
      this.document.add(path, fault.replace('content.content: ', ''))
      return
    }
    const bytes = encode(content).length
    if (bytes > contentBytesMax)
      this.document.add(
        path,
        `content of ${bytes} bytes; at most ${contentBytesMax}: refer to it by a link`,
      )
  }

  /** A format that no placement shows is a typing error more often than a plan. */
  private checkFormats(): void {
    const formats = new Set(Object.values(this.source.placements).map(({ format }) => format))
    for (const [name, { treatments }] of Object.entries(this.source.offers ?? {})) {
      for (const format of Object.keys(treatments)) {
        if (!formats.has(format))
          this.document.add(
            ['offers', name, 'treatments', format],
            `no placement has the format "${format}"${didYouMean(format, formats)}`,
          )
      }
    }
  }

  private inText<T>(path: Path, text: string, run: () => T): T | undefined {
    try {
      return run()
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error
      this.document.addInText(path, text, error.start, error.end, error.message)
      return undefined
    }
  }
}

/** Greater priority first, then greater score, then by name. */
function compareOffers(a: Offer, b: Offer): number {
  return b.priority - a.priority || b.score - a.score || (a.name < b.name ? -1 : 1)
}

function textAt(content: Value, path: Path): string {
  let value: unknown = content
  for (const key of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  return typeof value === 'string' ? value : ''
}
