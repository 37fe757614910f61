import { liftOf } from '../../core/learning/lift.ts'
import { pointsText, signed } from './report-texts.ts'
import type { ToldArm, ToldLift, ToldReport } from './told-report.ts'

/*
 * A report as a picture, SVG without anything from elsewhere: above, the interval of each arm against
 * the zero line; below, how the experiment's own measure came about, day by day.
 */

const width = 920
const plotLeft = 250
const plotRight = 700
const rowHeight = 34
const courseHeight = 190

/** Lifts further out are cut: a picture of one wild arm shows nothing of the others. */
const liftMax = 1
/** … and a picture of very small ones shows some of what is around them. */
const liftMin = 0.05

const colours = { better: '#1a7f37', worse: '#cf222e', open: '#57606a', early: '#8c959f' } as const
const armColours = ['#0969da', '#8250df', '#bf8700', '#1b7c83', '#cf222e', '#57606a']

export function reportPicture(report: ToldReport): string {
  const rows = rowsOf(report)
  const courses = coursesOf(report)
  const rowsTop = 112
  const rowsEnd = rowsTop + rows.length * rowHeight
  const courseTop = rowsEnd + 92
  const height = courseTop + courseHeight + 60
  const scale = scaleOf(rows.map(({ lift }) => lift))
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#1f2328">`,
    `<title>${safe(`Experiment ${report.experiment}`)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(28, 36, report.experiment, 'font-size="20" font-weight="600"'),
    text(28, 58, headline(report), alarmStyle(report)),
    text(28, rowsTop - 18, `against ${report.control}`, 'fill="#57606a"'),
    ...axis(scale, rowsTop - 8, rowsEnd),
    ...rows.flatMap((row, i) => drawRow(row, rowsTop + i * rowHeight + rowHeight / 2, scale)),
    ...drawCourses(courses, report, courseTop),
    '</svg>',
  ].join('\n')}\n`
}

interface Row {
  readonly label: string
  readonly note: string
  readonly lift: ToldLift
  readonly colour: string
}

function rowsOf({ measures }: ToldReport): Row[] {
  return measures.flatMap(({ measure, arms, isGuardrail }) =>
    arms.flatMap(({ arm, compared }) =>
      compared === undefined
        ? []
        : [
            {
              label: arm,
              note: isGuardrail ? `guardrail ${measure}` : measure,
              lift: compared.plain,
              colour: colourOf(compared.verdict),
            },
          ],
    ),
  )
}

function colourOf(verdict: string): string {
  if (verdict === 'better' || verdict === 'worse' || verdict === 'open') return colours[verdict]
  return colours.early
}

/** From a lift to a place. */
interface Scale {
  readonly most: number
  readonly at: (lift: number) => number
}

function scaleOf(lifts: readonly ToldLift[]): Scale {
  const ends = lifts.flatMap(({ low, high, relative }) => [low ?? 0, high ?? 0, relative ?? 0])
  const widest = Math.max(liftMin, ...ends.map(Math.abs))
  const most = Math.min(liftMax, widest * 1.1)
  const half = (plotRight - plotLeft) / 2
  const at = (lift: number) =>
    plotLeft + half + (Math.max(-most, Math.min(most, lift)) / most) * half
  return { most, at }
}

/** Steps are whole shares of a hundred. */
function tick(lift: number): string {
  return Math.abs(lift) < 1e-9 ? '0' : signed(lift).replace(/\.0(?= )/, '')
}

/** Steps of an axis, some of each side of zero. */
function stepsOf(most: number): number[] {
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((one) => most / one <= 4) ?? 0.5
  const count = Math.floor(most / step + 1e-9)
  return Array.from({ length: 2 * count + 1 }, (_, i) => (i - count) * step)
}

function axis({ most, at }: Scale, top: number, end: number): string[] {
  return stepsOf(most).flatMap((lift) => {
    const x = at(lift)
    const isZero = Math.abs(lift) < 1e-9
    return [
      line(x, top, x, end, isZero ? '#1f2328' : '#d8dee4'),
      text(x, end + 18, tick(lift), 'text-anchor="middle" fill="#57606a"'),
    ]
  })
}

function drawRow({ label, note, lift, colour }: Row, y: number, { at }: Scale): string[] {
  const { relative, low, high, difference } = lift
  const said = [
    text(28, y - 1, label, 'font-weight="600"'),
    text(28, y + 13, note, 'font-size="11" fill="#57606a"'),
  ]
  if (relative === undefined || low === undefined || high === undefined) {
    const instead = difference === undefined ? 'too early' : pointsText(difference)
    return [...said, text(plotRight + 16, y + 4, instead, `fill="${colour}"`)]
  }
  const [from, to] = [at(low), at(high)]
  return [
    ...said,
    `<rect x="${fixed(from)}" y="${y - 5}" width="${fixed(Math.max(2, to - from))}" height="10" rx="5" fill="${colour}" fill-opacity="0.3"/>`,
    `<circle cx="${fixed(at(relative))}" cy="${y}" r="5" fill="${colour}"/>`,
    text(plotRight + 16, y + 4, `${signed(low)} to ${signed(high)}`, `fill="${colour}"`),
  ]
}

interface Course {
  readonly arm: string
  readonly colour: string
  readonly points: readonly Point[]
}

interface Point {
  readonly at: number
  readonly relative: number
  readonly low: number
  readonly high: number
}

/** The lift over all people up to each day on which somebody came first. */
function coursesOf({ arms, control }: ToldReport): Course[] {
  const compared = arms.find(({ arm }) => arm === control)
  if (compared === undefined) return []
  const days = [...new Set(arms.flatMap((arm) => arm.days.map(({ at }) => at)))].sort()
  return arms.flatMap((arm, i) => {
    if (arm === compared) return []
    const points = days.flatMap((day) => {
      const { relative, interval } = liftOf(upTo(arm, day), upTo(compared, day))
      const at = Date.parse(day)
      return relative === undefined || interval?.relative === undefined
        ? []
        : [{ at, relative, ...interval.relative }]
    })
    return [{ arm: arm.arm, colour: armColours[i % armColours.length] ?? '#57606a', points }]
  })
}

function upTo({ days }: ToldArm, day: string) {
  const until = days.filter(({ at }) => at <= day)
  const people = until.reduce((sum, { whole }) => sum + whole, 0)
  const did = until.reduce((sum, one) => sum + one.did, 0)
  return { people, sum: did, squares: did }
}

function drawCourses(courses: readonly Course[], report: ToldReport, top: number): string[] {
  const all = courses.flatMap(({ points }) => points)
  const measure = report.measures[0]?.measure ?? ''
  const title = text(
    28,
    top - 28,
    `${measure}, over the people who came up to each day`,
    'fill="#57606a"',
  )
  if (all.length < 2) return [title, text(28, top + 4, 'no course yet', `fill="${colours.early}"`)]
  const first = Math.min(...all.map(({ at }) => at))
  const last = Math.max(...all.map(({ at }) => at))
  const ends = all.filter(({ at }) => at === last).flatMap(({ low, high }) => [low, high])
  const most = Math.min(liftMax, Math.max(liftMin, ...ends.map(Math.abs)) * 2)
  const left = 90
  const middle = top + courseHeight / 2
  const x = (at: number) => left + ((at - first) / Math.max(1, last - first)) * (plotRight - left)
  const y = (lift: number) =>
    middle - (Math.max(-most, Math.min(most, lift)) / most) * (courseHeight / 2)
  return [
    title,
    ...stepsOf(most).flatMap((lift) => [
      line(left, y(lift), plotRight, y(lift), Math.abs(lift) < 1e-9 ? '#1f2328' : '#d8dee4'),
      text(left - 8, y(lift) + 4, tick(lift), 'text-anchor="end" fill="#57606a"'),
    ]),
    text(left, top + courseHeight + 22, dayOf(first), 'fill="#57606a"'),
    text(plotRight, top + courseHeight + 22, dayOf(last), 'text-anchor="end" fill="#57606a"'),
    ...courses.flatMap(({ arm, colour, points }, i) => {
      if (points.length === 0) return []
      const above = points.map(({ at, high }) => `${fixed(x(at))},${fixed(y(high))}`)
      const below = points.map(({ at, low }) => `${fixed(x(at))},${fixed(y(low))}`).reverse()
      const along = points.map(({ at, relative }) => `${fixed(x(at))},${fixed(y(relative))}`)
      return [
        `<polygon points="${[...above, ...below].join(' ')}" fill="${colour}" fill-opacity="0.1" stroke="${colour}" stroke-opacity="0.35"/>`,
        `<polyline points="${along.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        `<circle cx="${plotRight + 24}" cy="${top + 12 + 22 * i}" r="5" fill="${colour}"/>`,
        text(plotRight + 38, top + 16 + 22 * i, arm, ''),
      ]
    }),
  ]
}

function headline({ words, ratio }: ToldReport): string {
  const said = words[0] ?? ''
  return ratio?.isAlarm ? 'ALARM: the arms did not get the people they were promised' : said
}

function alarmStyle({ ratio }: ToldReport): string {
  return ratio?.isAlarm ? `fill="${colours.worse}" font-weight="600"` : ''
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  return `<line x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}" stroke="${colour}"/>`
}

function text(x: number, y: number, said: string, style: string): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}"${style === '' ? '' : ` ${style}`}>${safe(said)}</text>`
}

function fixed(value: number): string {
  return value.toFixed(1)
}

function safe(said: string): string {
  return said.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`)
}
