/*
 * Counters and histograms for the hot path. Each child is a cell of a typed array: counted without
 * a look-up of labels and without an object per call (prom-client's children hash their labels each
 * time), and written as text when somebody scrapes.
 */

export type Labels = { readonly [label: string]: string }

export interface Described {
  readonly name: string
  readonly help: string
}

/** Most children of one metric: more would mean that a label holds what callers write. */
const cellsMax = 512

export class CellCounter {
  private readonly described: Described
  private readonly amounts = new Float64Array(cellsMax)
  private readonly cells: Labels[] = []

  constructor(described: Described) {
    this.described = described
  }

  /** The cell of these labels, shown as 0 from now on. Make it once, and keep it. */
  cell(labels: Labels = {}): number {
    return addCell(this.cells, labels)
  }

  add(cell: number, amount = 1): void {
    this.amounts[cell] = (this.amounts[cell] ?? 0) + amount
  }

  text(): string {
    const { name } = this.described
    const lines = this.cells.map((labels, cell) => line(name, labels, this.amounts[cell] ?? 0))
    return head(this.described, 'counter') + lines.join('')
  }
}

export class CellHistogram {
  private readonly described: Described
  /** Upper bounds, each included in its bucket. */
  private readonly bounds: Float64Array
  private readonly counts: Float64Array
  private readonly sums = new Float64Array(cellsMax)
  private readonly cells: Labels[] = []

  constructor(described: Described, buckets: readonly number[]) {
    this.described = described
    this.bounds = Float64Array.from(buckets)
    this.counts = new Float64Array(cellsMax * (buckets.length + 1))
  }

  cell(labels: Labels = {}): number {
    return addCell(this.cells, labels)
  }

  /** Counts `times` observations of one value. */
  count(cell: number, value: number, times = 1): void {
    const { bounds, counts, sums } = this
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++
    const at = cell * (bounds.length + 1) + bucket
    counts[at] = (counts[at] ?? 0) + times
    sums[cell] = (sums[cell] ?? 0) + value * times
  }

  text(): string {
    const lines = this.cells.map((labels, cell) => this.cellText(labels, cell))
    return head(this.described, 'histogram') + lines.join('')
  }

  private cellText(labels: Labels, cell: number): string {
    const { name } = this.described
    let text = ''
    let total = 0
    for (let bucket = 0; bucket <= this.bounds.length; bucket++) {
      total += this.counts[cell * (this.bounds.length + 1) + bucket] ?? 0
      const le = String(this.bounds[bucket] ?? '+Inf')
      text += line(`${name}_bucket`, { ...labels, le }, total)
    }
    return (
      text +
      line(`${name}_sum`, labels, this.sums[cell] ?? 0) +
      line(`${name}_count`, labels, total)
    )
  }
}

function addCell(cells: Labels[], labels: Labels): number {
  if (cells.length === cellsMax) throw new RangeError(`more than ${cellsMax} children of a metric`)
  return cells.push(labels) - 1
}

function head({ name, help }: Described, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))
}
