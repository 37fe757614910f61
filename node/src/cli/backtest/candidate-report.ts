import { halfWidthErrors, type Measured } from '../../core/learning/off-policy.ts'
import { percent } from './backtest-texts.ts'
import {
  type CandidateBacktest,
  describeCandidate,
  type PlacementBacktest,
} from './candidate-texts.ts'

const width = 760
const rowHeight = 22
const labelWidth = 210
const barsWidth = width - labelWidth - 60

/** Offers of a picture: those that change most. */
const offersMax = 20

/** A picture of a backtest, or for a name that ends in `.html` a page with the picture and all words. */
export function candidateReport(found: CandidateBacktest, file: string): string {
  const picture = pictureOf(found)
  if (!file.endsWith('.html')) return `${picture}\n`
  const words = describeCandidate(found).map(escaped).join('\n')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Backtest of ${escaped(found.candidate)}</title>
<style>body { font: 15px system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em } pre { overflow-x: auto }</style>
<h1>Backtest of ${escaped(found.candidate)}</h1>
${picture}
<pre>${words}</pre>
</html>
`
}

function pictureOf({ candidate, placements }: CandidateBacktest): string {
  let y = 30
  const parts: string[] = [text(0, y - 8, `What ${candidate} would have changed`, 'bold')]
  for (const one of placements) {
    const { lines, height } = placementPicture(one, y + 20)
    parts.push(...lines)
    y += height + 20
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 ${width + 20} ${y + 20}" width="${width + 20}" height="${y + 20}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect x="-10" width="${width + 20}" height="${y + 20}" fill="#fff"/>`,
    ...parts,
    '</svg>',
  ].join('\n')
}

function placementPicture(
  { placement, changes, estimate, verdict }: PlacementBacktest,
  top: number,
): { readonly lines: readonly string[]; readonly height: number } {
  const lines: string[] = []
  let y = top
  const next = () => {
    y += rowHeight
    return y
  }
  const summary = `${placement}: ${verdict.kind}; the same is shown in ${percent(changes.agreement)}`
  lines.push(text(0, y, summary, 'bold'))
  const estimates: readonly (readonly [string, Measured])[] = [
    ['the log itself', estimate.logged],
    ['candidate, snips', estimate.snips],
    ['candidate, ips', estimate.ips],
    ['candidate, dr', estimate.dr],
  ]
  const highest = Math.max(...estimates.map(([, one]) => upperOf(one)), Number.MIN_VALUE)
  const place = (value: number) => labelWidth + (Math.max(0, value) / highest) * barsWidth
  for (const [name, one] of estimates) {
    const at = next()
    const low = place(one.value - halfWidthErrors * one.standardError)
    lines.push(
      text(0, at, name),
      `<path d="M${fixed(low)} ${at - 4}H${fixed(place(upperOf(one)))}" stroke="#888" stroke-width="2"/>`,
      `<circle cx="${fixed(place(one.value))}" cy="${at - 4}" r="4" fill="#0f6b4f"/>`,
    )
  }
  const offers = changes.offers.slice(0, offersMax)
  const most = Math.max(
    1,
    ...offers.map(({ decisions }) => Math.max(decisions.gained, decisions.lost)),
  )
  const middle = labelWidth + barsWidth / 2
  const length = (count: number) => (count / most) * (barsWidth / 2)
  if (offers.length > 0) {
    const at = next() + 8
    y += 8
    lines.push(
      text(middle - 6, at, 'loses', 'normal', 'end'),
      text(middle + 6, at, 'gains decisions'),
    )
  }
  for (const { offer, decisions } of offers) {
    const at = next()
    const lost = length(decisions.lost)
    lines.push(
      text(0, at, offer),
      `<rect x="${fixed(middle - lost)}" y="${at - 12}" width="${fixed(lost)}" height="14" fill="#b5483a"><title>loses ${decisions.lost}</title></rect>`,
      `<rect x="${fixed(middle)}" y="${at - 12}" width="${fixed(length(decisions.gained))}" height="14" fill="#0f6b4f"><title>gains ${decisions.gained}</title></rect>`,
    )
  }
  return { lines, height: y - top + rowHeight }
}

function upperOf({ value, standardError }: Measured): number {
  return value + halfWidthErrors * standardError
}

function text(x: number, y: number, words: string, weight = 'normal', anchor = 'start'): string {
  return `<text x="${fixed(x)}" y="${y}" font-weight="${weight}" text-anchor="${anchor}">${escaped(words)}</text>`
}

function fixed(value: number): string {
  return value.toFixed(1)
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
