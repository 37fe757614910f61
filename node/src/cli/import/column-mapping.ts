import { readFileSync } from 'node:fs'
import { HalfsecondError, nameFault, type Strength } from '@halfsecond/protocol'
import { formOf, SourceDocument } from '../../playbook/source-document.ts'
import { describeFaults } from '../playbook-file.ts'
import { columnsOf, parseTemplate, type Template } from './template.ts'

/** What the columns of another system's file mean here. */
export interface ColumnMapping {
  /** The system that says so: stands in every record. One file, if `mode` is full. */
  readonly source: string
  readonly channel: string | undefined
  readonly format: 'csv' | 'ndjson'
  readonly delimiter: string
  readonly key: Template
  readonly links: readonly LinkMapping[]
  readonly traits: readonly TraitMapping[]
  /** Column of the time; without one a row is as old as its file. */
  readonly at: string | undefined
  /**
   * `delta`: what a file does not say stays as it is. `full`: the file is all that its source knows,
   * so what the source said earlier and the file does not say is unset.
   */
  readonly mode: 'delta' | 'full'
}

export interface LinkMapping {
  readonly to: Template
  readonly strength: Strength
}

export type ColumnType = 'string' | 'int' | 'double' | 'bool' | 'time' | 'list'

export interface TraitMapping {
  readonly trait: string
  readonly column: string
  readonly type: ColumnType
  /** Between the elements of a list. */
  readonly separator: string
}

/** A mapping as its author wrote it: `mapping.schema.json` says the same. */
interface MappingSource {
  readonly source: string
  readonly channel?: string
  readonly format: 'csv' | 'ndjson'
  readonly delimiter?: string
  readonly key: string
  readonly links?: readonly { readonly to: string; readonly strength?: Strength }[]
  readonly traits?: {
    readonly [trait: string]:
      | string
      | { readonly column: string; readonly type?: ColumnType; readonly separator?: string }
  }
  readonly at?: string
  readonly mode?: 'delta' | 'full'
}

/** A mapping as YAML or JSON text, larger than any that a person writes. */
const mappingCharsMax = 256 * 1024

const schema: object = JSON.parse(
  readFileSync(new URL('./mapping.schema.json', import.meta.url), 'utf8'),
)

/**
 * Reads a mapping, YAML or JSON.
 * @throws HalfsecondError `INVALID` with every fault and its place
 */
export function readColumnMapping(file: string, text: string): ColumnMapping {
  if (text.length > mappingCharsMax)
    throw new HalfsecondError('INVALID', `${file} is longer than any mapping: ${text.length}`)
  const document = new SourceDocument<MappingSource>(text, formOf(schema, 'mappings'))
  const mapping = document.source && mappingIn(document, document.source)
  if (mapping !== undefined && document.faults.length === 0) return mapping
  throw new HalfsecondError(
    'INVALID',
    `the mapping cannot be used\n${describeFaults(file, document.faults)}`,
  )
}

function mappingIn(document: SourceDocument<MappingSource>, source: MappingSource): ColumnMapping {
  const { format, delimiter = ',', at, mode = 'delta', channel } = source
  const named = (path: readonly (string | number)[], value: string | undefined) => {
    const fault = value === undefined ? undefined : nameFault(String(path.at(-1)), value)
    if (fault !== undefined) document.add(path, fault)
  }
  named(['source'], source.source)
  named(['channel'], channel)
  const links = (source.links ?? []).map(({ to, strength = 'asserted' }, index) => ({
    to: templateAt(document, ['links', index, 'to'], to),
    strength,
  }))
  const traits = Object.entries(source.traits ?? {}).map(([trait, written]) => {
    const {
      column,
      type = 'string',
      separator = ',',
    } = typeof written === 'string' ? { column: written } : written
    named(['traits', trait], trait)
    return { trait, column, type, separator }
  })
  if (links.length + traits.length === 0)
    document.add([], 'neither traits nor links: the file would change nothing')
  const key = templateAt(document, ['key'], source.key)
  return { source: source.source, channel, format, delimiter, key, links, traits, at, mode }
}

function templateAt(
  document: SourceDocument<MappingSource>,
  path: readonly (string | number)[],
  text: string,
): Template {
  const template = parseTemplate(text)
  if (template === undefined) {
    document.add(path, `columns are written \${column}`)
    return []
  }
  if (columnsOf(template).length === 0)
    document.add(
      path,
      `it names no column, as crm:\${id} does: every row would be about the same one`,
    )
  return template
}

/** Every column that a mapping reads, once. */
export function columnsIn({ key, links, traits, at }: ColumnMapping): readonly string[] {
  const all = [
    ...columnsOf(key),
    ...links.flatMap(({ to }) => columnsOf(to)),
    ...traits.map(({ column }) => column),
    ...(at === undefined ? [] : [at]),
  ]
  return [...new Set(all)]
}
