import { HalfsecondError, isFields } from '@halfsecond/protocol'
import { cellOfJson } from './cells.ts'
import { columnsIn } from './column-mapping.ts'
import { readTable } from './csv-table.ts'
import type { Line } from './line-splitter.ts'
import { type MappedRowUses, mappedRow } from './mapped-row.ts'
import { parseJson } from './ndjson.ts'
import type { Row } from './row.ts'

/**
 * The rows of a CSV file by a mapping; columns that it does not name are ignored.
 * @throws HalfsecondError `INVALID` where a column that it names is missing
 */
export function readMappedCsv(
  bytes: AsyncIterable<Buffer>,
  uses: MappedRowUses,
): AsyncIterable<Row[]> {
  const { mapping } = uses
  return readTable(bytes, mapping.delimiter, (header) => {
    const places = new Map(header.map((column, index) => [column, index]))
    const missing = columnsIn(mapping).filter((column) => !places.has(column))
    if (missing.length > 0) {
      throw new HalfsecondError(
        'INVALID',
        `the file has no column ${missing.map((one) => `"${one}"`).join(', ')}: its columns are ${header.join(', ').slice(0, 500)}`,
      )
    }
    return (row, place) => mappedRow(place, (column) => row[places.get(column) ?? -1] ?? '', uses)
  })
}

/** The row of an NDJSON line by a mapping: the members of an object are its columns. */
export function readMappedLine(line: Line, uses: MappedRowUses): Row | undefined {
  const { number, text } = line
  if (!line.isWhole) return { line: number, text, fault: 'the line is too long' }
  if (text.trim() === '') return undefined
  const value = parseJson(text)
  if (!isFields(value)) return { line: number, text, fault: 'not a JSON object' }
  // Own members alone: no row has a column named like a method of all objects.
  const cells = (column: string) => (Object.hasOwn(value, column) ? cellOfJson(value[column]) : '')
  return mappedRow({ line: number, text }, cells, uses)
}
