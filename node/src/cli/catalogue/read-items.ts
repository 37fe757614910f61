import { HalfsecondError, isFields } from '@halfsecond/protocol'
import { type Item, type ItemValue, isItemValue, itemsMax } from '../../core/catalogue/catalogue.ts'
import { checkItem } from '../../core/catalogue/stored-catalogue.ts'
import { columnValue } from '../import/column-value.ts'
import { readTable } from '../import/csv-table.ts'
import { type Line, LineSplitter } from '../import/line-splitter.ts'
import { parseJson } from '../import/ndjson.ts'

export const fieldTypes = ['string', 'double', 'int', 'bool', 'list'] as const

export type FieldType = (typeof fieldTypes)[number]

export interface ItemFormat {
  readonly format: 'ndjson' | 'csv'
  /** Column or member that tells the item from all others. */
  readonly id: string
  /** Of CSV: what columns are, where they are no text. */
  readonly types: ReadonlyMap<string, FieldType>
  readonly delimiter: string
}

/** The item of a line, or why it is none. */
export type ReadItem =
  | { readonly line: number; readonly item: Item }
  | { readonly line: number; readonly fault: string }

/**
 * The items of a file, some at a time.
 * @throws HalfsecondError `INVALID` for what is no CSV, lacks the column of ids, or has too many items
 */
export async function* readItems(
  bytes: AsyncIterable<Buffer>,
  format: ItemFormat,
): AsyncGenerator<readonly ReadItem[]> {
  const ids = new Set<string>()
  const rows = format.format === 'csv' ? readCells(bytes, format) : readLines(bytes, format.id)
  for await (const some of rows) yield some.map((read) => checked(read, ids))
}

function checked(read: ReadItem, ids: Set<string>): ReadItem {
  if ('fault' in read) return read
  const { line, item } = read
  if (ids.has(item.id)) return { line, fault: `item ${item.id} is here twice` }
  try {
    checkItem(item)
  } catch (error) {
    if (error instanceof HalfsecondError) return { line, fault: error.message }
    throw error
  }
  if (ids.size === itemsMax)
    throw new HalfsecondError('INVALID', `a catalogue has at most ${itemsMax} items`)
  ids.add(item.id)
  return read
}

async function* readLines(
  bytes: AsyncIterable<Buffer>,
  id: string,
): AsyncGenerator<readonly ReadItem[]> {
  const splitter = new LineSplitter()
  for await (const chunk of bytes) yield splitter.push(chunk).flatMap((line) => readJson(line, id))
  yield splitter.end().flatMap((line) => readJson(line, id))
}

function readJson({ number: line, text, isWhole }: Line, id: string): ReadItem[] {
  if (!isWhole) return [{ line, fault: 'the line is too long' }]
  if (text.trim() === '') return []
  const value = parseJson(text)
  if (!isFields(value)) return [{ line, fault: 'not a JSON object' }]
  const { [id]: name, ...values } = value
  if (typeof name !== 'string' && typeof name !== 'number')
    return [{ line, fault: `no "${id}": name the member that tells items apart with --id` }]
  const known: { [field: string]: ItemValue } = {}
  for (const [field, one] of Object.entries(values)) {
    if (one === null) continue
    if (!isItemValue(one))
      return [{ line, fault: `"${field}" is no text, number, bool or list of texts` }]
    known[field] = one
  }
  return [{ line, item: { id: String(name), values: known } }]
}

async function* readCells(
  bytes: AsyncIterable<Buffer>,
  { id, types, delimiter }: ItemFormat,
): AsyncGenerator<readonly ReadItem[]> {
  yield* readTable<ReadItem>(bytes, delimiter, (header) => {
    for (const needed of [id, ...types.keys()])
      if (!header.includes(needed))
        throw new HalfsecondError(
          'INVALID',
          `the file has no column "${needed}": its columns are ${header.join(', ').slice(0, 500)}`,
        )
    return (cells, { line }) => {
      const values: { [field: string]: ItemValue } = {}
      let name = ''
      for (const [index, column] of header.entries()) {
        const cell = cells[index] ?? ''
        if (column === id) name = cell
        else if (cell !== '') {
          const type = types.get(column) ?? 'string'
          const value = columnValue({ type, separator: '|' }, cell)
          if (!isItemValue(value))
            return { line, fault: `"${cell.slice(0, 64)}" in ${column} is no ${type}` }
          values[column] = value
        }
      }
      return { line, item: { id: name, values } }
    }
  })
}
