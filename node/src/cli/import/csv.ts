import { HalfsecondError, type Namespaces, parseIdentifier, type Value } from '@halfsecond/protocol'
import { type Info, parse } from 'csv-parse'
import { drained } from '../print.ts'
import { lineBytesMax } from './line-splitter.ts'
import type { CsvMapping } from './mapping.ts'
import type { Row } from './row.ts'
import { parseTime } from './time.ts'

/** Rows handed on at once. */
const rowsAtOnce = 512

/**
 * The rows of a CSV file with a header line. A row's number is that of its last line, so that it
 * grows where quoted cells hold line breaks.
 * @throws HalfsecondError `INVALID` where a column of the mapping is missing
 */
export async function* readCsv(
  bytes: AsyncIterable<Buffer>,
  mapping: CsvMapping,
  namespaces: Namespaces,
): AsyncIterable<Row[]> {
  let rows: Row[] = []
  const parser = parse({
    bom: true,
    delimiter: mapping.delimiter,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: lineBytesMax,
  })
  void feed(parser, bytes)
  let header: readonly string[] | undefined
  try {
    for await (const parsed of parser) {
      const { record, info } = cellsOf(parsed)
      if (header === undefined) header = checkedHeader(record, mapping)
      else rows.push(readRow(record, header, info.lines, mapping, namespaces))
      if (rows.length < rowsAtOnce) continue
      yield rows
      rows = []
    }
  } catch (error) {
    if (error instanceof HalfsecondError) throw error
    const detail = error instanceof Error ? error.message : String(error)
    throw new HalfsecondError('INVALID', `not CSV: ${detail}`, { cause: error })
  }
  yield rows
}

type Parser = ReturnType<typeof parse>

async function feed(parser: Parser, bytes: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const chunk of bytes) {
      if (parser.destroyed) return
      if (!parser.write(chunk)) await drained(parser)
    }
    parser.end()
  } catch (error) {
    parser.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

interface Parsed {
  readonly record: readonly string[]
  readonly info: Info
}

/** What the parser passes on with `info: true`. */
function cellsOf(parsed: Parsed): Parsed {
  return parsed
}

function checkedHeader(header: readonly string[], mapping: CsvMapping): readonly string[] {
  const { key, at, name, event, traits } = mapping
  const needed = [key, at, ...(traits || event !== '' ? [] : [name])]
  for (const column of needed) {
    if (header.includes(column)) continue
    throw new HalfsecondError(
      'INVALID',
      `the file has no column "${column}": its columns are ${header.join(', ').slice(0, 500)}; see halfsecond import --help for how to name others`,
    )
  }
  return header
}

function readRow(
  cells: readonly string[],
  header: readonly string[],
  line: number,
  mapping: CsvMapping,
  namespaces: Namespaces,
): Row {
  const text = cells.join(mapping.delimiter)
  if (cells.length > header.length) {
    return { line, text, fault: `${cells.length} cells, but ${header.length} columns` }
  }
  const cell = (column: string) => cells[header.indexOf(column)] ?? ''
  const at = parseTime(cell(mapping.at))
  if (at === undefined) {
    const fault = `"${cell(mapping.at).slice(0, 64)}" in ${mapping.at} is no time: ISO 8601, or milliseconds since 1970`
    return { line, text, fault }
  }
  try {
    const raw = cell(mapping.key)
    const prefix = mapping.namespace === '' || raw === '' ? '' : `${mapping.namespace}:`
    const key = parseIdentifier(prefix + raw, namespaces)
    const values = valuesOf(cells, header, mapping)
    if (mapping.traits) {
      return { line, text, draft: { kind: 'traits', key, at, set: values, unset: [] } }
    }
    const name = mapping.event === '' ? cell(mapping.name) : mapping.event
    return { line, text, draft: { kind: 'event', key, at, name, properties: values } }
  } catch (error) {
    if (error instanceof HalfsecondError) return { line, text, fault: error.message }
    throw error
  }
}

function valuesOf(
  cells: readonly string[],
  header: readonly string[],
  mapping: CsvMapping,
): { [name: string]: Value } {
  const values: { [name: string]: Value } = {}
  const isName = !mapping.traits && mapping.event === ''
  for (const [index, column] of header.entries()) {
    const cell = cells[index] ?? ''
    const isOwn =
      column === mapping.key || column === mapping.at || (isName && column === mapping.name)
    // An empty cell says nothing; so it neither removes a trait nor is it an empty text.
    if (isOwn || cell === '') continue
    values[column] = mapping.text.includes(column) ? cell : typed(cell)
  }
  return values
}

/** Numbers as JSON writes them and true or false are such; anything else is text. */
function typed(cell: string): Value {
  if (cell === 'true') return true
  if (cell === 'false') return false
  if (!/^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/.test(cell)) return cell
  return Number(cell)
}
