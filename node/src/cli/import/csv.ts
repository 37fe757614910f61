import { HalfsecondError, type Namespaces, parseIdentifier, type Value } from '@halfsecond/protocol'
import { readTable } from './csv-table.ts'
import type { CsvMapping } from './mapping.ts'
import type { Row } from './row.ts'
import { parseTime } from './time.ts'

/**
 * The rows of a CSV file with a header line, each an event or traits.
 * @throws HalfsecondError `INVALID` where a column of the mapping is missing
 */
export function readCsv(
  bytes: AsyncIterable<Buffer>,
  mapping: CsvMapping,
  namespaces: Namespaces,
): AsyncIterable<Row[]> {
  return readTable(bytes, mapping.delimiter, (header) => {
    checkHeader(header, mapping)
    return (cells, place) => readRow(cells, header, place, mapping, namespaces)
  })
}

function checkHeader(header: readonly string[], mapping: CsvMapping): void {
  const { key, at, name, event, traits } = mapping
  const needed = [key, at, ...(traits || event !== '' ? [] : [name])]
  for (const column of needed) {
    if (header.includes(column)) continue
    throw new HalfsecondError(
      'INVALID',
      `the file has no column "${column}": its columns are ${header.join(', ').slice(0, 500)}; see halfsecond import --help for how to name others`,
    )
  }
}

function readRow(
  cells: readonly string[],
  header: readonly string[],
  { line, text }: { readonly line: number; readonly text: string },
  mapping: CsvMapping,
  namespaces: Namespaces,
): Row {
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
