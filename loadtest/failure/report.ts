import type { PhaseRun } from '../lib/k6.ts'
import type { Series } from './prometheus.ts'

export interface Report {
  readonly rate: number
  /** Of each phase. */
  readonly seconds: number
  readonly phases: readonly PhaseRun[]
  /** Milliseconds since 1970. */
  readonly started: number
  readonly series: readonly Series[]
}

const colours = ['#2563eb', '#d97706', '#059669', '#9333ea']
const width = 640
const height = 160

/** What is promised: a line in the picture of latencies. */
const promisedMs = 500

/** A page for people, without anything from elsewhere. */
export function reportOf({ rate, seconds, phases, started, series }: Report): string {
  const pictures = [...new Set(series.map(({ picture }) => picture))].map((picture) => {
    const lines = series.filter((one) => one.picture === picture)
    return section(picture, drawLines(lines, started, seconds, phases))
  })
  const rows = phases.map(
    ({ name, p50, p99, max }) =>
      `<tr><td>${name}</td><td>${p50} ms</td><td>${p99} ms</td><td>${max} ms</td></tr>`,
  )
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>halfsecond: load under failure</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 720px; margin: 2rem auto; padding: 0 1rem; color: #1f2937 }
  table { border-collapse: collapse } td, th { padding: .2rem 1rem .2rem 0; text-align: left }
  svg { width: 100%; height: auto; overflow: visible } text { font-size: 11px; fill: #6b7280 }
</style>
<h1>Click to content while a node is killed and another added</h1>
<p>k6, open model, ${rate} clicks a second over HTTP; phases of ${seconds} s on one machine.</p>
<table><tr><th>phase</th><th>p50</th><th>p99</th><th>slowest</th></tr>${rows.join('')}</table>
${section('p99 by phase', drawBars(phases))}
${pictures.join('\n')}
</html>
`
}

function section(title: string, svg: string): string {
  return `<h2>${title}</h2>\n${svg}`
}

function drawBars(phases: readonly PhaseRun[]): string {
  const most = Math.max(promisedMs, ...phases.map(({ p99 }) => p99)) * 1.1
  const step = width / phases.length
  const y = (ms: number) => height - (ms / most) * height
  const bars = phases.map(({ name, p99 }, i) => {
    const x = i * step + step * 0.25
    const bar = `<rect x="${x}" y="${y(p99)}" width="${step / 2}" height="${height - y(p99)}" fill="${colours[0]}"/>`
    return `${bar}<text x="${x}" y="${y(p99) - 4}">${name}: ${p99} ms</text>`
  })
  const promise = `<line x1="0" x2="${width}" y1="${y(promisedMs)}" y2="${y(promisedMs)}" stroke="#dc2626" stroke-dasharray="4"/><text x="0" y="${y(promisedMs) - 4}">promised: ${promisedMs} ms</text>`
  return svgOf(`${bars.join('')}${promise}`)
}

function drawLines(
  lines: readonly Series[],
  started: number,
  seconds: number,
  phases: readonly PhaseRun[],
): string {
  const end = seconds * phases.length
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value))
  const most = Math.max(1, ...values.filter(Number.isFinite)) * 1.1
  const x = (at: number) => (Math.max(0, at - started) / 1000 / end) * width
  const y = (value: number) => height - (value / most) * height
  const borders = phases.map(({ name }, i) => {
    const at = (i * width) / phases.length
    return `<line x1="${at}" x2="${at}" y1="0" y2="${height}" stroke="#e5e7eb"/><text x="${at + 4}" y="10">${name}</text>`
  })
  const drawn = lines.map(({ name, points }, i) => {
    const colour = colours[i % colours.length]
    const path = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
    const legend = `<text x="${i * 150}" y="${height + 16}" style="fill:${colour}">${name}</text>`
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${legend}`
  })
  const scale = `<text x="${width}" y="10" text-anchor="end">${Math.round(most)}</text>`
  return svgOf(`${borders.join('')}${drawn.join('')}${scale}`)
}

function svgOf(inner: string): string {
  return `<svg viewBox="0 0 ${width} ${height + 24}" role="img">${inner}</svg>`
}
