import type { Namespaces } from '@halfsecond/protocol'
import { readAccessLine } from './access-log.ts'
import { readCsv } from './csv.ts'
import { type Line, LineSplitter } from './line-splitter.ts'
import { readMappedCsv, readMappedLine } from './mapped-rows.ts'
import type { Mapping } from './mapping.ts'
import { readJsonLine } from './ndjson.ts'
import type { Row } from './row.ts'

/** The rows of a file, in order of their lines, some at a time. */
export function readRows(
  bytes: AsyncIterable<Buffer>,
  mapping: Mapping,
  namespaces: Namespaces,
): AsyncIterable<Row[]> {
  switch (mapping.format) {
    case 'access-log':
      return readLines(bytes, (line) => readAccessLine(line, namespaces))
    case 'ndjson':
      return readLines(bytes, (line) => readJsonLine(line, namespaces))
    case 'csv':
      return readCsv(bytes, mapping, namespaces)
    case 'mapped': {
      const uses = { mapping: mapping.columns, namespaces, modifiedAt: mapping.modifiedAt }
      return mapping.columns.format === 'csv'
        ? readMappedCsv(bytes, uses)
        : readLines(bytes, (line) => readMappedLine(line, uses))
    }
  }
}

async function* readLines(
  bytes: AsyncIterable<Buffer>,
  read: (line: Line) => Row | undefined,
): AsyncIterable<Row[]> {
  const splitter = new LineSplitter()
  const rows = (lines: readonly Line[]) => lines.map(read).filter((row) => row !== undefined)
  for await (const chunk of bytes) yield rows(splitter.push(chunk))
  yield rows(splitter.end())
}
