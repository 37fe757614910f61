/** Where progress is written: redrawn in place on a terminal, else a line now and then. */
export interface ProgressView {
  readonly isTerminal: boolean
  write(text: string): void
}

const redrawMs = 200
const lineMs = 5_000

/** How far an import is, told at most every so often. */
export class Progress {
  private readonly view: ProgressView
  private readonly total: number
  private readonly startedAt = performance.now()
  private shownAt = performance.now()
  private isDrawn = false
  private readonly unit: string

  /**
   * @param total bytes of the whole file
   * @param unit what is read
   */
  constructor(view: ProgressView, total: number, unit = 'lines') {
    this.view = view
    this.total = total
    this.unit = unit
  }

  /** Of lines, or whatever is read, and bytes of the total. */
  show(lines: number, bytes: number): void {
    const now = performance.now()
    if (now - this.shownAt < (this.view.isTerminal ? redrawMs : lineMs)) return
    this.shownAt = now
    const text = describeProgress(lines, bytes, this.total, now - this.startedAt, this.unit)
    this.view.write(this.view.isTerminal ? `\r\u001b[K${text}` : `${text}\n`)
    this.isDrawn = this.view.isTerminal
  }

  /** A line of its own, above what is redrawn. */
  note(text: string): void {
    this.clear()
    this.view.write(`${text}\n`)
  }

  clear(): void {
    if (this.isDrawn) this.view.write('\r\u001b[K')
    this.isDrawn = false
  }

  get elapsedMs(): number {
    return performance.now() - this.startedAt
  }
}

/** `48 % · 1,200,000 lines · 52,000 lines/s · 21 s left` */
export function describeProgress(
  lines: number,
  bytes: number,
  total: number,
  elapsedMs: number,
  unit = 'lines',
): string {
  const share = total === 0 ? 1 : bytes / total
  const rate = lines / Math.max(0.001, elapsedMs / 1000)
  const parts = [
    `${Math.floor(share * 100)} %`,
    `${count(lines)} ${unit}`,
    `${count(rate)} ${unit}/s`,
  ]
  if (share > 0 && share < 1) {
    parts.push(`${describeSeconds((elapsedMs / 1000) * (1 / share - 1))} left`)
  }
  return parts.join(' · ')
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

export function describeSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  return `${Math.round(seconds / 60)} min`
}
