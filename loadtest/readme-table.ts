import { readFile, writeFile } from 'node:fs/promises'
import { isFields } from '@halfsecond/protocol'

/*
 * Writes the README's table of figures from the lines that bench, load and crash print with --json:
 *
 *   node loadtest/readme-table.ts LINES…    takes these files into docs/figures.ndjson, newest first
 *   node loadtest/readme-table.ts           only writes the table again
 */

const root = new URL('..', import.meta.url)
const figuresPath = new URL('docs/figures.ndjson', root)
const readmePath = new URL('README.md', root)

/** Between these lines of the README nothing is written by hand. */
const begin = '<!-- figures: written by loadtest/readme-table.ts -->'
const end = '<!-- /figures -->'

/** The table as it must stand in the README. */
export function tableOf(lines: string): string {
  const rows = parseLines(lines).map((figure) => {
    const { atMost, atLeast, unit } = figure
    const bound = atMost !== undefined ? `≤ ${atMost}` : atLeast !== undefined ? `≥ ${atLeast}` : ''
    const conditions = isFields(figure.with)
      ? Object.entries(figure.with).map(([name, value]) => `${name} ${String(value)}`)
      : []
    const value =
      figure.value === null ? `not measured: ${String(figure.why)}` : shown(figure.value)
    const mark = figure.holds === true || bound === '' ? '' : ' **missed**'
    return `| \`${String(figure.figure)}\` | ${value} ${String(unit)}${mark} | ${bound} | ${conditions.join(', ')} |`
  })
  return ['| figure | measured | must be | with |', '|---|---|---|---|', ...rows].join('\n')
}

/** The README with this table in its place. */
export function withTable(readme: string, table: string): string {
  const from = readme.indexOf(begin)
  const to = readme.indexOf(end)
  if (from < 0 || to < from) throw new Error(`README.md has no ${begin} … ${end}`)
  return `${readme.slice(0, from + begin.length)}\n${table}\n${readme.slice(to)}`
}

/** Newer lines replace those of the same figure, scenario and number of nodes. */
export function merged(older: string, newer: string): string {
  const lines = new Map<string, string>()
  for (const figure of [...parseLines(older), ...parseLines(newer)]) {
    const conditions = isFields(figure.with) ? figure.with : {}
    const { scenario, distribution, door, nodes } = conditions
    const key = [figure.figure, scenario, distribution, door, nodes].map(String).join(' ')
    lines.set(key, JSON.stringify(figure))
  }
  return `${[...lines.values()].join('\n')}\n`
}

type Line = { readonly [name: string]: unknown }

function parseLines(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): unknown => JSON.parse(line))
    .filter(isFields)
}

function shown(value: unknown): string {
  return typeof value === 'number' ? value.toLocaleString('en') : String(value)
}

if (import.meta.main) {
  let lines = await readFile(figuresPath, 'utf8')
  for (const path of process.argv.slice(2)) lines = merged(lines, await readFile(path, 'utf8'))
  await writeFile(figuresPath, lines)
  await writeFile(readmePath, withTable(await readFile(readmePath, 'utf8'), tableOf(lines)))
}
