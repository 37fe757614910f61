import { builtInNamespaces, isFields, type Namespace, type Namespaces } from '@halfsecond/protocol'
import { assert } from '../assert.ts'

/** How one namespace takes part in recognition. */
export interface NamespaceRule {
  /** Identifiers of the namespace that one profile may have, at least 1; 1: it is unique. */
  readonly max: number
  /** Count only those that joined within so many milliseconds; null: all that ever did. */
  readonly windowMs: number | null
  /** Its links join only where both ends are proven: `authenticated`. */
  readonly verifiedOnly: boolean
  /** An identifier with more links than this is no person's: none of them joins. */
  readonly popularMax: number
}

/** By what identifiers are recognised: the active version of the identity configuration. */
export interface IdentityRules {
  /** 0: the built-in rules. */
  readonly version: number
  readonly namespaces: Namespaces
  readonly byNamespace: ReadonlyMap<string, NamespaceRule>
  /** Identifiers that stand for nobody, besides the built-in placeholders. */
  readonly blocked: ReadonlySet<string>
}

/** A namespace as a configuration settles it: nothing in it is left to the program's defaults. */
export interface ConfiguredNamespace extends Namespace, NamespaceRule {
  readonly blocked: readonly string[]
}

/** A whole identity configuration: every namespace, the built-in ones too. */
export interface IdentityConfiguration {
  /** Its own name. */
  readonly identity: string
  readonly namespaces: readonly ConfiguredNamespace[]
}

/** A configuration as text: it travels in one record of every shard's log. */
export const identityBytesMax = 64 * 1024

const account: NamespaceRule = { max: 1, windowMs: null, verifiedOnly: false, popularMax: 4_096 }
const contact: NamespaceRule = { max: 8, windowMs: null, verifiedOnly: true, popularMax: 64 }
const device: NamespaceRule = { max: 4_096, windowMs: null, verifiedOnly: false, popularMax: 16 }

/** What holds for a namespace of a class unless its configuration says otherwise. */
export const ruleOfClass: { readonly [name in Namespace['class']]: NamespaceRule } = {
  account,
  contact,
  device,
  session: device,
}

export const builtInConfiguration: IdentityConfiguration = {
  identity: 'built-in',
  namespaces: Array.from(builtInNamespaces.values(), (namespace) => ({
    ...namespace,
    ...ruleOfClass[namespace.class],
    blocked: [],
  })),
}

export const builtInRules: IdentityRules = rulesIn(builtInConfiguration, 0)

/** What holds for a namespace that has no rule. */
export const looseRule: NamespaceRule = device

/** The text that stands in records: the same configuration always gives the same text. */
export function identityText({ identity, namespaces }: IdentityConfiguration): string {
  return JSON.stringify({ identity, namespaces: namespaces.map(inOrder) })
}

function inOrder(one: ConfiguredNamespace): ConfiguredNamespace {
  const { name, class: place, rank, normalise, max, windowMs, verifiedOnly, popularMax } = one
  const rule = { max, windowMs, verifiedOnly, popularMax }
  return { name, class: place, rank, normalise, ...rule, blocked: one.blocked }
}

/**
 * The rules of a text that `identityText` made; of an empty one the built-in rules.
 * @throws AssertionError for any other text: it was checked before it came into a log
 */
export function rulesOf(text: string, version: number): IdentityRules {
  return rulesIn(configurationOf(text), version)
}

/** @throws AssertionError as `rulesOf` */
export function configurationOf(text: string): IdentityConfiguration {
  if (text === '') return builtInConfiguration
  const value: unknown = JSON.parse(text)
  assert(isConfiguration(value), 'not the text of an identity configuration')
  return value
}

function rulesIn({ namespaces }: IdentityConfiguration, version: number): IdentityRules {
  return {
    version,
    namespaces: new Map(namespaces.map((one) => [one.name, namespaceIn(one)])),
    byNamespace: new Map(namespaces.map((one) => [one.name, ruleIn(one)])),
    blocked: new Set(
      namespaces.flatMap(({ name, blocked }) => blocked.map((value) => `${name}:${value}`)),
    ),
  }
}

/** What clients cannot know by themselves: namespaces of its own, and blocked values. */
export function namespacesForMap({ namespaces }: IdentityConfiguration): readonly Namespace[] {
  return namespaces
    .filter(({ name, blocked }) => blocked.length > 0 || !builtInNamespaces.has(name))
    .map(namespaceIn)
}

function namespaceIn({
  name,
  class: place,
  rank,
  normalise,
  blocked,
}: ConfiguredNamespace): Namespace {
  const namespace = { name, class: place, rank, normalise }
  return blocked.length === 0 ? namespace : { ...namespace, blocked }
}

function ruleIn({ max, windowMs, verifiedOnly, popularMax }: NamespaceRule): NamespaceRule {
  return { max, windowMs, verifiedOnly, popularMax }
}

function isConfiguration(value: unknown): value is IdentityConfiguration {
  return (
    isFields(value) &&
    typeof value.identity === 'string' &&
    Array.isArray(value.namespaces) &&
    value.namespaces.every(isConfigured)
  )
}

function isConfigured(value: unknown): value is ConfiguredNamespace {
  return (
    isFields(value) &&
    typeof value.name === 'string' &&
    typeof value.class === 'string' &&
    Object.hasOwn(ruleOfClass, value.class) &&
    typeof value.rank === 'number' &&
    (value.normalise === 'text' || value.normalise === 'email' || value.normalise === 'phone') &&
    typeof value.max === 'number' &&
    (value.windowMs === null || typeof value.windowMs === 'number') &&
    typeof value.verifiedOnly === 'boolean' &&
    typeof value.popularMax === 'number' &&
    Array.isArray(value.blocked) &&
    value.blocked.every((one) => typeof one === 'string')
  )
}
