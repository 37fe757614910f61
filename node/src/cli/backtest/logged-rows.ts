import { HalfsecondError } from '@halfsecond/protocol'
import { type LoggedChoice, LoggedChoices } from '../../core/learning/logged-choices.ts'
import { didYouMean } from '../../playbook/faults.ts'
import { type ReadCells, readTable } from '../import/csv-table.ts'
import type { RefusedRow } from '../import/row.ts'

/** Which columns of a log mean what. */
export interface LogColumns {
  readonly action: string
  readonly reward: string
  readonly propensity: string
  /** Columns of what was known of the visitor; few values each. */
  readonly context: readonly string[]
  readonly delimiter: string
}

/** More are hardly actions that somebody chooses among: rather ids of something else. */
export const actionsMax = 10_000

/** Pairs of an action and a context, of about 1 KB each: all that a backtest keeps. */
export const cellsMax = 100_000

/** Longer names are texts, not names. */
const nameCharsMax = 256

/** No chooser draws what is rarer; and its square is still a number that sums can be made of. */
const propensityMin = 1e-12

/** Of either sign; as above. */
const rewardMax = 1e12

type Read = LoggedChoice | RefusedRow

export interface LogReading {
  /** Each row that cannot be read, with why. It is left out. */
  onFaulty(row: RefusedRow): void
  /** Now and then, with the rows so far. */
  onRows(rows: number): void
  readonly signal: AbortSignal
}

/**
 * Reads a log, CSV with a header line, into sums.
 * @throws HalfsecondError `INVALID` where a column is missing, or there is more to keep than fits;
 *   `CLOSED` when stopped
 */
export async function readLog(
  bytes: AsyncIterable<Buffer>,
  columns: LogColumns,
  { onFaulty, onRows, signal }: LogReading,
): Promise<LoggedChoices> {
  const log = new LoggedChoices()
  let rows = 0
  const table = readTable<Read>(bytes, columns.delimiter, (header) => rowReader(header, columns))
  for await (const some of table) {
    if (signal.aborted) throw new HalfsecondError('CLOSED', 'stopped before the log was read')
    for (const row of some) {
      if ('fault' in row) onFaulty(row)
      else log.add(row)
    }
    rows += some.length
    refuseTooMany(log, columns)
    onRows(rows)
  }
  return log
}

function refuseTooMany(log: LoggedChoices, { action, context }: LogColumns): void {
  if (log.actions.size > actionsMax)
    throw new HalfsecondError(
      'INVALID',
      `more than ${actionsMax} actions: is "${action}" the column of what was chosen?`,
    )
  if (log.size > cellsMax)
    throw new HalfsecondError(
      'INVALID',
      `more than ${cellsMax} pairs of an action and a context: leave out of --context ${context.join(',')} what has many values`,
    )
}

function rowReader(header: readonly string[], columns: LogColumns): ReadCells<Read> {
  const at = (option: string, column: string) => placeOf(column, header, option)
  const action = at('--action', columns.action)
  const reward = at('--reward', columns.reward)
  const propensity = at('--propensity', columns.propensity)
  const context = columns.context.map((column) => at('--context', column))
  let isOdd = false
  return (cells, { line, text }) => {
    isOdd = !isOdd
    const cell = (place: number) => cells[place]?.trim() ?? ''
    const name = cell(action)
    const earned = rewardOf(cell(reward))
    const chance = Number(cell(propensity) || Number.NaN)
    const bucket = bucketOf(context.map(cell))
    const fault =
      actionFault(name, columns.action) ??
      rewardFault(earned, cell(reward), columns.reward) ??
      propensityFault(chance, cell(propensity), columns.propensity)
    if (fault !== undefined) return { line, text, fault }
    if (bucket.length > nameCharsMax)
      return { line, text, fault: `its context is longer than ${nameCharsMax} characters` }
    return { action: name, bucket, reward: earned, propensity: chance, half: isOdd ? 1 : 0 }
  }
}

/** @throws HalfsecondError `INVALID` where there is no such column */
export function placeOf(column: string, header: readonly string[], option: string): number {
  const place = header.findIndex((name) => name.trim() === column)
  if (place >= 0) return place
  const all = header.join(', ').slice(0, 500)
  throw new HalfsecondError(
    'INVALID',
    `no column "${column}"${didYouMean(column, header)}; name it with ${option}. The columns are ${all}`,
  )
}

/** `true` and `false` are 1 and 0, as booleans are written out by many. */
function rewardOf(text: string): number {
  const lower = text.toLowerCase()
  if (lower === 'true') return 1
  if (lower === 'false') return 0
  return Number(text || Number.NaN)
}

/** Different values make different buckets, whatever they hold. */
function bucketOf(values: readonly string[]): string {
  return values.length < 2 ? (values[0] ?? '') : JSON.stringify(values)
}

function actionFault(name: string, column: string): string | undefined {
  if (name === '') return `no ${column}: what was chosen?`
  return name.length > nameCharsMax
    ? `its ${column} is longer than ${nameCharsMax} characters`
    : undefined
}

function rewardFault(value: number, text: string, column: string): string | undefined {
  if (Math.abs(value) <= rewardMax) return undefined
  return `${column} is ${shown(text)}: a number up to ${rewardMax}, or true or false`
}

function propensityFault(value: number, text: string, column: string): string | undefined {
  if (value >= propensityMin && value <= 1) return undefined
  const why = 'the probability with which this was chosen is above 0 and at most 1'
  return `${column} is ${shown(text)}: ${why}`
}

function shown(text: string): string {
  return text === '' ? 'empty' : `"${text.slice(0, 64)}"`
}
