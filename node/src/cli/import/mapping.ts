import { compareUtf8, HalfsecondError, isFields } from '@halfsecond/protocol'
import { isAccessLine } from './access-log.ts'
import type { ColumnMapping } from './column-mapping.ts'
import { LineSplitter } from './line-splitter.ts'

export const formats = ['access-log', 'ndjson', 'csv'] as const
export type Format = (typeof formats)[number]

/** How lines become records. Part of an import's identity: another mapping is another import. */
export type Mapping =
  | { readonly format: 'access-log' }
  | { readonly format: 'ndjson' }
  | ({ readonly format: 'csv' } & CsvMapping)
  | MappedFile

/** A file of another system, by a mapping file. */
export interface MappedFile {
  readonly format: 'mapped'
  readonly columns: ColumnMapping
  /** When the file was written. */
  readonly modifiedAt: number
}

/** Which columns of a CSV file mean what. All other columns are properties, or traits. */
export interface CsvMapping {
  /** Column of the identifier. */
  readonly key: string
  /** Namespace of identifiers that are written without one; empty for none. */
  readonly namespace: string
  /** Column of the time. */
  readonly at: string
  /** Column of the event's name. */
  readonly name: string
  /** Name of every row's event, instead of a column; empty for none. */
  readonly event: string
  /** Rows are traits instead of events. */
  readonly traits: boolean
  /** Columns that stay text where they look like numbers. */
  readonly text: readonly string[]
  readonly delimiter: string
}

export const csvDefaults: CsvMapping = {
  key: 'key',
  namespace: '',
  at: 'at',
  name: 'name',
  event: '',
  traits: false,
  text: [],
  delimiter: ',',
}

/** The same text for the same mapping. */
export function mappingText(mapping: Mapping): string {
  if (mapping.format === 'mapped') return columnsText(mapping.columns)
  if (mapping.format !== 'csv') return mapping.format
  const { key, namespace, at, name, event, traits, text, delimiter } = mapping
  return JSON.stringify([
    'csv',
    key,
    namespace,
    at,
    name,
    event,
    traits,
    [...text].sort(),
    delimiter,
  ])
}

/** Where traits stand in their file does not matter; where links do decides their numbers. */
function columnsText({ traits, ...rest }: ColumnMapping): string {
  return JSON.stringify({
    ...rest,
    traits: traits.toSorted((a, b) => compareUtf8(a.trait, b.trait)),
  })
}

/** How many records a row becomes at most. */
export function recordsPerRow(mapping: Mapping): number {
  return mapping.format === 'mapped' ? 1 + mapping.columns.links.length : 1
}

/**
 * The format of a file by its beginning.
 * @throws HalfsecondError `INVALID` where it looks like none
 */
export function detectFormat(head: Buffer): Format {
  const splitter = new LineSplitter()
  const texts = splitter.push(head).map(({ text }) => text)
  // A file of one line without an end has its only line in what is left.
  const lines = (texts.length > 0 ? texts : splitter.end().map(({ text }) => text)).filter(
    (text) => text.trim() !== '',
  )
  const [first = ''] = lines
  if (isJsonObject(first)) return 'ndjson'
  if (lines.some(isAccessLine)) return 'access-log'
  if (/[,;\t]/.test(first) && lines.length > 1) return 'csv'
  throw new HalfsecondError(
    'INVALID',
    `the file looks neither like an access log, nor NDJSON, nor CSV: say which with --format ${formats.join('|')}`,
  )
}

function isJsonObject(text: string): boolean {
  try {
    return isFields(JSON.parse(text))
  } catch {
    return false
  }
}
