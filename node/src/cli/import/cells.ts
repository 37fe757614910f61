/** What a row has in one column; without length where it has nothing. */
export type Cell = string | readonly string[]

/** The cells of one row. */
export type Cells = (column: string) => Cell

/** A cell as one text. */
export function cellText(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.join(',')
}

/** The cell of a member of a JSON object. */
export function cellOfJson(value: unknown): Cell {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map((element) => cellText(cellOfJson(element)))
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
