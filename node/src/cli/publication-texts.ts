import type { Fault } from '../playbook/faults.ts'
import { type Fields, fieldsOf, listOf, textOf } from './fields.ts'
import { tableOf } from './table.ts'

/** Lines of changes that are printed; the rest is counted. */
const linesMax = 200

/** What came of a publication, or would: changes, warnings, the trial, and who lacks it. */
export function describePublication(file: string, published: Fields): string[] {
  const { changes, warnings, failures, trial, risks, objections, lacking } = published
  return [
    ...describeChanges(changes),
    ...describeRemarks(file, 'warning', remarksIn(warnings)),
    ...describeRemarks(file, 'test fails', remarksIn(failures)),
    ...describeTrial(trial),
    ...textsIn(risks).map((one) => `warning: ${one}`),
    ...textsIn(objections).map((one) => `objection: ${one}`),
    ...listOf(lacking).map(
      ({ node, why }) => `${textOf(node)} does not have it ready: ${textOf(why)}`,
    ),
  ]
}

export function describeChanges(changes: unknown): string[] {
  if (changes === undefined) return []
  const { added, removed, changed, lines } = fieldsOf(changes)
  const all = textsIn(lines)
  const counts = Object.entries({ added, removed, changed }).filter(([, count]) => count !== 0)
  const total = [added, removed, changed].reduce((sum: number, one) => sum + Number(one), 0)
  const more = total - Math.min(all.length, linesMax)
  return [
    counts.length === 0
      ? 'nothing changes'
      : `changes: ${counts.map(([kind, count]) => `${textOf(count)} ${kind}`).join(', ')}`,
    ...all.slice(0, linesMax).map((line) => `  ${line.replaceAll('\n', '\n  ')}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ]
}

/** How much default content was shown on the timelines that it was tried on. */
export function describeTrial(trial: unknown): string[] {
  if (trial === undefined) return []
  const { timelines, partial, placements } = fieldsOf(trial)
  if (timelines === 0) return ['tried on no timelines: none could be read']
  const rest = partial === 0 ? '' : `; ${textOf(partial)} more lie on several nodes`
  const rows = Object.entries(fieldsOf(placements)).map(([name, one]) => {
    const { asked, before, after } = fieldsOf(one)
    const percent = (part: unknown) =>
      asked === 0 ? '–' : `${Math.round((Number(part) * 100) / Number(asked))} %`
    return [`  ${name}`, percent(before), percent(after)]
  })
  return [
    `tried on the last ${textOf(timelines)} timelines${rest}`,
    ...tableOf([['  default content at', 'before', 'after'], ...rows]),
  ]
}

/** `shop.yaml:3:5 facts.rich: warning: no rule uses this fact` */
export function describeRemarks(
  file: string,
  kind: string,
  remarks: readonly Pick<Fault, 'line' | 'column' | 'path' | 'message'>[],
): string[] {
  return remarks.map(({ line, column, path, message }) =>
    [`${file}:${line}:${column}`, path === '' ? '' : `${path}:`, `${kind}:`, message]
      .filter((part) => part !== '')
      .join(' '),
  )
}

/** One version of the log, in a line or some. */
export function describeVersion(one: Fields): string[] {
  const { version, at, name, by, note, isForced, rollsBack, changes, trial } = one
  const { added = 0, removed = 0, changed = 0 } = changes === undefined ? {} : fieldsOf(changes)
  const head = [
    textOf(version).padStart(4),
    textOf(at),
    textOf(name),
    by === undefined ? '' : `by ${textOf(by)}`,
    rollsBack === undefined ? '' : `(as version ${textOf(rollsBack)} again)`,
    isForced === true ? '(forced)' : '',
    changes === undefined ? '' : `+${textOf(added)} -${textOf(removed)} ~${textOf(changed)}`,
  ]
  const tried = trial === undefined ? undefined : fieldsOf(trial).timelines
  return [
    head.filter((part) => part !== '').join('  '),
    ...(note === undefined ? [] : [`      ${textOf(note)}`]),
    ...(tried === undefined ? [] : [`      tried on ${textOf(tried)} timelines`]),
  ]
}

function remarksIn(value: unknown): Pick<Fault, 'line' | 'column' | 'path' | 'message'>[] {
  return listOf(value).map(({ line, column, path, message }) => ({
    line: Number(line),
    column: Number(column),
    path: textOf(path),
    message: textOf(message),
  }))
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
