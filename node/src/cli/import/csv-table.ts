import { HalfsecondError } from '@halfsecond/protocol'
import { type Info, parse } from 'csv-parse'
import { drained } from '../print.ts'
import { lineBytesMax } from './line-splitter.ts'
import type { RefusedRow } from './row.ts'

/** Rows handed on at once. */
const rowsAtOnce = 512

/** Reads the cells of one row, whose number is that of its last line. */
export type ReadCells<R> = (
  cells: readonly string[],
  place: { readonly line: number; readonly text: string },
) => R

/**
 * The rows of a CSV file with a header line. A row's number is that of its last line, so that it
 * grows where quoted cells hold line breaks.
 * @param open reads the header, and gives what reads rows; what it throws ends the reading
 * @throws HalfsecondError `INVALID` for what is not CSV
 */
export async function* readTable<R>(
  bytes: AsyncIterable<Buffer>,
  delimiter: string,
  open: (header: readonly string[]) => ReadCells<R>,
): AsyncGenerator<(R | RefusedRow)[]> {
  let rows: (R | RefusedRow)[] = []
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: lineBytesMax,
  })
  void feed(parser, bytes)
  let read: ReadCells<R> | undefined
  let columns = 0
  try {
    for await (const parsed of parser) {
      const { record, info } = cellsOf(parsed)
      if (read === undefined) {
        columns = record.length
        read = open(record)
      } else {
        const place = { line: info.lines, text: record.join(delimiter) }
        const fault = `${record.length} cells, but ${columns} columns`
        rows.push(record.length > columns ? { ...place, fault } : read(record, place))
      }
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
