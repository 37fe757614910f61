import { bounds, fallbackName, nameFault, reservedNames } from '@halfsecond/protocol'
import type { ConditionType } from '../core/condition/expression.ts'
import type { Schema } from './condition-schema.ts'
import type { Path, PlaybookDocument } from './document.ts'
import { didYouMean } from './faults.ts'
import type { PlaybookSource, SourceType } from './source.ts'

const conditionTypes: Record<SourceType, ConditionType> = {
  string: 'string',
  double: 'number',
  int: 'number',
  bool: 'bool',
  'list(string)': 'strings',
  'list(double)': 'numbers',
}

/** Names that mean something else in every condition. */
const wordsOfConditions: ReadonlySet<string> = new Set([
  'traits',
  'channel',
  'placement',
  'true',
  'false',
  'null',
  'in',
])

/** What conditions may refer to; faults in it go to the document. */
export function declarationsOf(source: PlaybookSource, document: PlaybookDocument): Schema {
  const events = new Map<string, ReadonlyMap<string, ConditionType>>()
  for (const [event, properties] of Object.entries(source.events ?? {})) {
    events.set(
      event,
      new Map(Object.entries(properties).map(([name, type]) => [name, conditionTypes[type]])),
    )
  }
  const traits = new Map<string, { type: ConditionType; fallback?: string | number | boolean }>()
  for (const [name, { type, default: fallback }] of Object.entries(source.traits ?? {})) {
    const conditionType = conditionTypes[type]
    traits.set(name, { type: conditionType })
    if (fallback === undefined) continue
    const isScalar =
      typeof fallback === 'string' || typeof fallback === 'number' || typeof fallback === 'boolean'
    if (isScalar && typeOf(fallback) === conditionType)
      traits.set(name, { type: conditionType, fallback })
    else
      document.add(['traits', name, 'default'], `the default must be of type ${type}, and no list`)
  }
  const facts = Object.keys(source.facts ?? {})
  const experiments = Object.entries(source.experiments ?? {})
  return {
    events,
    traits,
    facts: new Map(facts.map((name, index) => [name, index])),
    experiments: new Map(experiments.map(([name, { arms }]) => [name, Object.keys(arms)])),
  }
}

/** What each channel may read of a profile; faults in it go to the document. */
export function readableOf(
  source: PlaybookSource,
  document: PlaybookDocument,
): ReadonlyMap<string, ReadonlySet<string>> {
  const traits = Object.keys(source.traits ?? {})
  return new Map(
    Object.entries(source.profile ?? {}).map(([channel, names]) => {
      for (const [index, name] of names.entries()) {
        if (traits.includes(name)) continue
        const message = `no trait "${name}" is declared${didYouMean(name, traits)}`
        document.add(['profile', channel, index], message)
      }
      return [channel, new Set(names)] as const
    }),
  )
}

/** Names that no record could carry, or no condition could reach, are faults. */
export function checkNames(source: PlaybookSource, document: PlaybookDocument): void {
  const check = (path: Path, names: Iterable<string>) => {
    for (const name of names) {
      const fault = nameFault('a name', name)
      if (fault !== undefined) document.addAtKey([...path, name], fault)
    }
  }
  check([], [source.playbook])
  for (const part of [
    'events',
    'traits',
    'profile',
    'groups',
    'placements',
    'offers',
    'experiments',
  ] as const)
    check([part], Object.keys(source[part] ?? {}))
  checkReserved(source, document)
  checkArmNames(source, document)
  for (const [event, properties] of Object.entries(source.events ?? {})) {
    check(['events', event], Object.keys(properties))
    if (reservedNames.has(event))
      document.addAtKey(['events', event], 'this name is reserved for a kind of record')
  }
  for (const [name, { channel, format }] of Object.entries(source.placements))
    check(['placements', name], [channel, format])
  for (const name of Object.keys(source.facts ?? {})) {
    if (wordsOfConditions.has(name))
      document.addAtKey(['facts', name], `"${name}" has a meaning of its own in conditions`)
    else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      document.addAtKey(['facts', name], 'the name of a fact has letters, digits and _ only')
  }
}

/** Outcomes of default content are told under this name: nothing else is called so. */
function checkReserved(source: PlaybookSource, document: PlaybookDocument): void {
  const { groups = {}, offers = {}, placements } = source
  const message = `"${fallbackName}" is the name of default content`
  if (Object.hasOwn(offers, fallbackName)) document.addAtKey(['offers', fallbackName], message)
  if (Object.hasOwn(groups, fallbackName)) document.addAtKey(['groups', fallbackName], message)
  for (const [name, { format }] of Object.entries(placements))
    if (format === fallbackName) document.add(['placements', name, 'format'], message)
  for (const [name, { treatments }] of Object.entries(offers))
    if (Object.hasOwn(treatments, fallbackName))
      document.addAtKey(['offers', name, 'treatments', fallbackName], message)
}

/** An arm travels as `experiment=arm`. */
function checkArmNames(source: PlaybookSource, document: PlaybookDocument): void {
  for (const [name, { arms }] of Object.entries(source.experiments ?? {})) {
    if (name.includes('='))
      document.addAtKey(['experiments', name], 'the name of an experiment has no "="')
    for (const arm of Object.keys(arms)) {
      const path = ['experiments', name, 'arms', arm]
      const fault = nameFault('a name', arm)
      if (fault !== undefined) document.addAtKey(path, fault)
      else if (`${name}=${arm}`.length > bounds.armChars)
        document.addAtKey(
          path,
          `the names of an experiment and of its arm have at most ${bounds.armChars - 1} characters together`,
        )
    }
  }
}

export function conditionTypeOf(type: SourceType): ConditionType {
  return conditionTypes[type]
}

function typeOf(value: string | number | boolean): ConditionType {
  return typeof value === 'boolean' ? 'bool' : typeof value === 'number' ? 'number' : 'string'
}
