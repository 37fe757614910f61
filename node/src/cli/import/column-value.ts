import type { Value } from '@halfsecond/protocol'
import { type Cell, cellText } from './cells.ts'
import type { TraitMapping } from './column-mapping.ts'
import { parseTime } from './time.ts'

const bools: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['0', false],
])

/** What a cell that is not empty says as a trait; undefined where it is not of its type. */
export function columnValue(
  { type, separator }: Pick<TraitMapping, 'type' | 'separator'>,
  cell: Cell,
): Value | undefined {
  const whole = cellText(cell)
  const text = whole.trim()
  switch (type) {
    case 'string':
      return whole
    case 'int':
      return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined
    case 'double':
      return numberOf(text)
    case 'bool':
      return bools.get(text.toLowerCase())
    case 'time':
      return parseTime(text)
    case 'list':
      return (typeof cell === 'string' ? cell.split(separator) : cell)
        .map((element) => element.trim())
        .filter((element) => element !== '')
  }
}

function numberOf(text: string): number | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text)) return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}
