import {
  compareIdentifiers,
  HalfsecondError,
  type Identifier,
  type Namespaces,
  parseIdentifier,
  type Value,
} from '@halfsecond/protocol'
import { type Cells, cellText } from './cells.ts'
import type { ColumnMapping, LinkMapping } from './column-mapping.ts'
import { columnValue } from './column-value.ts'
import type { Draft, Row } from './row.ts'
import { fill } from './template.ts'
import { parseTime } from './time.ts'

export interface MappedRowUses {
  readonly mapping: ColumnMapping
  readonly namespaces: Namespaces
  /** Time of rows where the mapping names no column for it. */
  readonly modifiedAt: number
}

/** A row's place in its file. */
interface Place {
  readonly line: number
  readonly text: string
}

/**
 * What a row says: its traits as one record, and a record for each link. A row with anything wrong
 * in it is refused whole, so that nothing of it is half there.
 */
export function mappedRow(place: Place, cells: Cells, uses: MappedRowUses): Row {
  const { mapping, namespaces, modifiedAt } = uses
  let key: Identifier | undefined
  try {
    key = keyOf(cells, mapping, namespaces)
    const at = mapping.at === undefined ? modifiedAt : timeOf(cells, mapping.at)
    const { source, channel } = mapping
    const common = { at, source, ...(channel !== undefined && { channel }) }
    const drafts: Draft[] = []
    const set = traitsOf(cells, mapping)
    if (Object.keys(set).length > 0) drafts.push({ kind: 'traits', key, ...common, set, unset: [] })
    for (const link of mapping.links) {
      const ends = endsOf(link, key, cells, namespaces)
      if (ends) drafts.push({ kind: 'link', ...ends, ...common, strength: link.strength })
    }
    return { ...place, key, traits: Object.keys(set), drafts }
  } catch (error) {
    if (!(error instanceof HalfsecondError)) throw error
    return { ...place, fault: error.message, ...(key !== undefined && { key }) }
  }
}

function keyOf(cells: Cells, { key }: ColumnMapping, namespaces: Namespaces): Identifier {
  const text = fill(key, cells)
  if (text !== undefined) return parseIdentifier(text, namespaces)
  throw new HalfsecondError('INVALID', 'a column of its key is empty')
}

function timeOf(cells: Cells, column: string): number {
  const text = cellText(cells(column))
  const at = parseTime(text)
  if (at !== undefined) return at
  throw new HalfsecondError(
    'INVALID',
    `"${text.slice(0, 64)}" in ${column} is no time: ISO 8601, or milliseconds since 1970`,
  )
}

function traitsOf(cells: Cells, { traits }: ColumnMapping): { [name: string]: Value } {
  const set: { [name: string]: Value } = {}
  for (const { trait, column, type, separator } of traits) {
    const cell = cells(column)
    if (cellText(cell).trim() === '') continue
    const value = columnValue({ type, separator }, cell)
    if (value === undefined) {
      const shown = cellText(cell).slice(0, 64)
      throw new HalfsecondError('INVALID', `"${shown}" in ${column} is not of type ${type}`)
    }
    if (!Array.isArray(value) || value.length > 0) set[trait] = value
  }
  return set
}

/** A link is stored at the lower of its ends. Undefined where a column of it is empty. */
function endsOf(
  { to }: LinkMapping,
  key: Identifier,
  cells: Cells,
  namespaces: Namespaces,
): { readonly key: Identifier; readonly to: Identifier } | undefined {
  const text = fill(to, cells)
  if (text === undefined) return undefined
  const other = parseIdentifier(text, namespaces)
  return compareIdentifiers(key, other, namespaces) < 0
    ? { key, to: other }
    : { key: other, to: key }
}
