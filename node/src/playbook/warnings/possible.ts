import type { Expression } from '../../core/condition/expression.ts'
import { stages } from '../../core/condition/measure.ts'
import { type Allowed, type Demand, holds, type Term } from './terms.ts'

/** What the request says wherever a condition is asked. */
export interface Places {
  readonly channels: readonly string[]
  readonly placements: readonly string[]
  /** Experiment → its arms, of those that count at one of them. */
  readonly arms: ReadonlyMap<string, readonly string[]>
}

/** Whether nobody can ever meet the demands together. Errs on the side of no. */
export function isImpossible(term: Term, places: Places): boolean {
  const bySubject = Map.groupBy(term, ({ of }) => subjectOf(of))
  for (const demands of bySubject.values()) if (conflicts(demands, places)) return true
  return false
}

/** Whether a condition is known of everybody: nothing that it looks at may be missing. */
export function isAlwaysKnown(
  expression: Expression,
  factOf: (index: number) => Expression | undefined,
): boolean {
  switch (expression.kind) {
    case 'literal':
    case 'count':
    case 'distinct':
    case 'clock':
      return true
    case 'not':
      return isAlwaysKnown(expression.of, factOf)
    case 'and':
    case 'or':
    case 'compare':
      return isAlwaysKnown(expression.left, factOf) && isAlwaysKnown(expression.right, factOf)
    case 'fact': {
      const fact = factOf(expression.index)
      return fact !== undefined && isAlwaysKnown(fact, factOf)
    }
    default:
      return false
  }
}

/** How exactly something is counted depends on what it is compared to; it is the same thing still. */
function subjectOf(of: Expression): string {
  return JSON.stringify(of, (key, value: unknown) => (key === 'upTo' ? undefined : value))
}

function conflicts(demands: readonly Demand[], places: Places): boolean {
  const [first] = demands
  if (first === undefined) return false
  const all = demands.map(({ is }) => is)
  const bools = new Set(all.flatMap((is) => (is.kind === 'bool' ? [is.value] : [])))
  return bools.size > 1 || textsConflict(all, first.of, places) || numbersConflict(all, first.of)
}

function textsConflict(all: readonly Allowed[], of: Expression, places: Places): boolean {
  let left: readonly string[] | undefined = textsOf(of, places)
  const texts = all.filter((is) => is.kind === 'texts')
  for (const is of texts)
    if (is.among) left = (left ?? is.texts).filter((text) => is.texts.includes(text))
  for (const is of texts) if (!is.among) left = left?.filter((text) => !is.texts.includes(text))
  return texts.length > 0 && left?.length === 0
}

/** All texts that something can be; undefined where they are not known. */
function textsOf(
  of: Expression,
  { channels, placements, arms }: Places,
): readonly string[] | undefined {
  if (of.kind === 'request') return of.field === 'channel' ? channels : placements
  if (of.kind === 'arm') return arms.get(of.experiment) ?? []
  return of.kind === 'stage' ? stages : undefined
}

interface Range {
  readonly from: number
  readonly to: number
  readonly isWhole: boolean
}

function numbersConflict(all: readonly Allowed[], of: Expression): boolean {
  const comparisons = all.filter((is) => is.kind === 'number')
  const lists = all.filter((is) => is.kind === 'numbers')
  if (comparisons.length + lists.length === 0) return false
  const range = rangeOf(of)
  const fits = (value: number) =>
    value >= range.from &&
    value <= range.to &&
    (!range.isWhole || Number.isInteger(value)) &&
    comparisons.every(({ operator, to }) => holds(value, operator, to)) &&
    lists.every(({ among }) => among.includes(value))
  const [list] = lists
  if (list !== undefined) return !list.among.some(fits)
  return !candidates(
    range,
    comparisons.map(({ to }) => to),
  ).some(fits)
}

/**
 * Numbers of which one fits if any does: between two neighbours among the bounds, and at them, all
 * comparisons say the same of every number.
 */
function candidates(range: Range, bounds: readonly number[]): readonly number[] {
  const ends = [...bounds, range.from, range.to].filter(Number.isFinite).sort((a, b) => a - b)
  const around = ends.flatMap((end, i) => [end, (end + (ends[i + 1] ?? end + 2)) / 2])
  const all = [(ends[0] ?? 0) - 1, ...around]
  if (!range.isWhole) return all
  return ends.flatMap((end) => [Math.floor(end) - 1, Math.floor(end), Math.floor(end) + 1])
}

function rangeOf(of: Expression): Range {
  switch (of.kind) {
    case 'count':
    case 'distinct':
    case 'session-events':
    case 'size':
      return { from: 0, to: Number.POSITIVE_INFINITY, isWhole: true }
    case 'session-minutes':
      return { from: 0, to: Number.POSITIVE_INFINITY, isWhole: false }
    case 'clock':
      return of.field === 'hour'
        ? { from: 0, to: 23, isWhole: true }
        : { from: 1, to: 7, isWhole: true }
    default:
      return { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, isWhole: false }
  }
}
