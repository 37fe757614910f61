import { readFileSync } from 'node:fs'
import {
  bounds,
  builtInNamespaces,
  canonicalValue,
  type Namespace,
  namespacePattern,
} from '@halfsecond/protocol'
import { parseDuration } from '../core/duration.ts'
import {
  builtInConfiguration,
  type ConfiguredNamespace,
  type IdentityConfiguration,
  identityBytesMax,
  identityText,
  type NamespaceRule,
  ruleOfClass,
} from '../core/identity/rules.ts'
import { didYouMean, PlaybookError } from '../playbook/faults.ts'
import { formOf, type Path, SourceDocument } from '../playbook/source-document.ts'
import type { IdentitySource, NamespaceSource } from './identity-source.ts'

/** Namespaces besides the built-in ones: all of them travel in every shard map. */
const configuredMax = 32

export const identitySchema: object = JSON.parse(
  readFileSync(new URL('./identity.schema.json', import.meta.url), 'utf8'),
)

const form = formOf<IdentitySource>(identitySchema, 'identity configurations')

const told = { file: 'identity', refusal: 'the identity configuration was not taken' }

/**
 * Checks and completes the text of an identity configuration, YAML or JSON.
 * @param before what is in force: a namespace keeps its place for ever
 * @throws PlaybookError with every fault that was found, and where
 */
export function readIdentity(
  text: string,
  before: IdentityConfiguration = builtInConfiguration,
): IdentityConfiguration {
  const tooLarge = `an identity configuration has at most ${identityBytesMax} bytes`
  if (Buffer.byteLength(text) > identityBytesMax)
    throw new PlaybookError([{ line: 1, column: 1, path: '', message: tooLarge }], told)
  const document = new SourceDocument(text, form)
  const { source } = document
  if (source === undefined) throw new PlaybookError(document.faults, told)
  const configuration = new Completion(document, source, before).complete()
  if (Buffer.byteLength(identityText(configuration)) > identityBytesMax) document.add([], tooLarge)
  if (document.faults.length > 0) throw new PlaybookError(document.faults, told)
  return configuration
}

class Completion {
  private readonly document: SourceDocument<IdentitySource>
  private readonly source: IdentitySource
  private readonly before: ReadonlyMap<string, ConfiguredNamespace>

  constructor(
    document: SourceDocument<IdentitySource>,
    source: IdentitySource,
    before: IdentityConfiguration,
  ) {
    this.document = document
    this.source = source
    this.before = new Map(before.namespaces.map((one) => [one.name, one]))
  }

  complete(): IdentityConfiguration {
    const { identity, namespaces = {} } = this.source
    const written = Object.entries(namespaces)
    const tuned = builtInConfiguration.namespaces
      .filter(({ name }) => !Object.hasOwn(namespaces, name))
      .concat(written.map(([name, one]) => this.namespace(name, one)))
    const added = written.filter(([name]) => !builtInNamespaces.has(name))
    if (added.length > configuredMax)
      this.document.add(['namespaces'], `at most ${configuredMax} besides the built-in ones`)
    this.checkMissing(new Set(tuned.map(({ name }) => name)))
    this.checkRanks(tuned)
    return { identity, namespaces: tuned.toSorted((a, b) => (a.name < b.name ? -1 : 1)) }
  }

  private namespace(name: string, source: NamespaceSource): ConfiguredNamespace {
    const path = ['namespaces', name]
    if (!namespacePattern.test(name))
      this.document.addAtKey(
        path,
        'the name of a namespace is a letter and up to 31 more letters, digits, _ and -, all lower case',
      )
    const place = this.placeOf(name, source, path)
    const { normalise } = place
    return {
      ...place,
      ...this.ruleOf(source, ruleOfClass[place.class], path),
      blocked: this.blockedOf(source.blocked ?? [], normalise, [...path, 'blocked']),
    }
  }

  private placeOf(name: string, source: NamespaceSource, path: Path): Namespace {
    const fixed = builtInNamespaces.get(name) ?? this.before.get(name)
    const { class: given = fixed?.class, rank = fixed?.rank } = source
    const normalise = source.normalise ?? fixed?.normalise ?? 'text'
    if (given === undefined || rank === undefined) {
      const near = didYouMean(name, this.before.keys())
      this.document.addAtKey(path, `a namespace of your own needs a class and a rank${near}`)
    }
    // Rank 0 is nobody's: it stands for one that is missing.
    const place = { name, class: given ?? 'device', rank: rank ?? 0, normalise }
    if (fixed) this.checkPlace(fixed, place, path)
    return place
  }

  /** What is stored is ordered by class and rank, and found by its canonical form. */
  private checkPlace(fixed: Namespace, place: Namespace, path: Path): void {
    const why = builtInNamespaces.has(fixed.name) ? 'built in' : 'in use'
    for (const key of ['class', 'rank', 'normalise'] as const) {
      if (fixed[key] !== place[key])
        this.document.add([...path, key], `${fixed.name} is ${why}: this stays ${fixed[key]}`)
    }
  }

  private checkMissing(names: ReadonlySet<string>): void {
    for (const name of this.before.keys()) {
      if (!names.has(name))
        this.document.addAtKey(
          ['namespaces'],
          `"${name}" is in use and cannot be left out: its identifiers would belong to nobody`,
        )
    }
  }

  private checkRanks(namespaces: readonly ConfiguredNamespace[]): void {
    const taken = new Map<string, string>()
    for (const { name, class: place, rank } of namespaces) {
      if (rank === 0) continue
      const other = taken.get(`${place} ${rank}`)
      if (other !== undefined)
        this.document.add(['namespaces', name, 'rank'], `rank ${rank} is that of ${other} already`)
      taken.set(`${place} ${rank}`, name)
    }
  }

  private ruleOf(source: NamespaceSource, usual: NamespaceRule, path: Path): NamespaceRule {
    const { unique, max, per, verified, popular } = source
    if (unique !== undefined && max !== undefined)
      this.document.add([...path, 'max'], 'unique says how many already: leave one of them out')
    if (per !== undefined && (max === undefined || unique === true))
      this.document.add([...path, 'per'], 'a time belongs to a max: add how many')
    // What was unique and is said not to be so has the room of a contact.
    const several = Math.max(usual.max, ruleOfClass.contact.max)
    return {
      max: unique === true ? 1 : (max ?? (unique === false ? several : usual.max)),
      windowMs: per === undefined ? null : (parseDuration(per) ?? null),
      verifiedOnly: verified ?? usual.verifiedOnly,
      popularMax: popular ?? usual.popularMax,
    }
  }

  private blockedOf(
    values: readonly string[],
    normalise: Namespace['normalise'],
    path: Path,
  ): readonly string[] {
    const canonical = values.map((value, index) => {
      const made = canonicalValue(value, { normalise })
      if (made === '') this.document.add([...path, index], 'nothing is left of it once normalised')
      if (Buffer.byteLength(made) > bounds.identifierBytes)
        this.document.add(
          [...path, index],
          `no value is longer than ${bounds.identifierBytes} bytes`,
        )
      return made
    })
    return [...new Set(canonical)].toSorted()
  }
}
