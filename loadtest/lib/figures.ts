/** One measured value, as the README's table and CI read it. */
export interface Figure {
  readonly figure: string
  /** Null where it could not be taken: then `why` says so, and it does not hold. */
  readonly value: number | null
  readonly unit: string
  readonly atMost?: number
  readonly atLeast?: number
  readonly why?: string
  /** Under which conditions; `scenario` tells repeated figures apart. */
  readonly with?: { readonly [name: string]: string | number }
}

/** Whether a figure keeps its bound; one without a bound is only reported. */
export function holds({ value, atMost, atLeast }: Figure): boolean {
  if (value === null) return false
  return value <= (atMost ?? value) && value >= (atLeast ?? value)
}

/** Prints figures as they come: for people, or one JSON object a line. */
export class Figures {
  private readonly isJson: boolean
  private readonly taken: Figure[] = []

  constructor(isJson: boolean) {
    this.isJson = isJson
  }

  add(figure: Figure): void {
    this.taken.push(figure)
    process.stdout.write(`${this.isJson ? lineOf(figure) : textOf(figure)}\n`)
  }

  /** Progress, for people: never on standard output. */
  note(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  /** Takes the figures of a part; where it fails, those it would have taken count as not held. */
  async take(
    names: readonly string[],
    part: () => Promise<void>,
    conditions?: Figure['with'],
  ): Promise<void> {
    try {
      await part()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      for (const figure of names)
        this.add({ figure, value: null, unit: '', why, ...(conditions && { with: conditions }) })
    }
  }

  get allHold(): boolean {
    return this.taken.length > 0 && this.taken.every(holds)
  }
}

function lineOf(figure: Figure): string {
  const { figure: name, value, unit, atMost, atLeast, why, with: conditions } = figure
  return JSON.stringify({
    figure: name,
    value: value === null ? null : rounded(value),
    unit,
    atMost,
    atLeast,
    holds: holds(figure),
    why,
    with: conditions,
  })
}

function textOf(figure: Figure): string {
  const { figure: name, value, unit, atMost, atLeast, why, with: conditions } = figure
  const bound =
    atMost !== undefined ? `≤ ${atMost}` : atLeast !== undefined ? `≥ ${atLeast}` : 'reported'
  const mark = atMost === undefined && atLeast === undefined ? ' ' : holds(figure) ? '✓' : '✗'
  const shown = value === null ? `— ${why}` : `${rounded(value).toLocaleString('en')} ${unit}`
  const details = Object.entries(conditions ?? {}).map(([key, one]) => `${key} ${one}`)
  return `${mark} ${name.padEnd(34)} ${shown.padStart(16)}   ${bound.padEnd(12)} ${details.join(', ')}`
}

/** Three significant digits below a thousand are all that a noisy machine tells. */
function rounded(value: number): number {
  return Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(3))
}
