/** A typed array, whichever. */
export interface Cells {
  [at: number]: number
  readonly length: number
  readonly buffer: ArrayBuffer
  set(from: ArrayLike<number>, offset?: number): void
  slice(start?: number, end?: number): Cells
}

const firstLength = 256

/** How much longer a full column becomes: memory is at most so many times what is needed. */
const growth = 1.5

/** Numbers of one kind, in less memory than an array of them takes. */
export class Column {
  length = 0
  private readonly make: (length: number) => Cells
  private cells: Cells

  constructor(make: (length: number) => Cells) {
    this.make = make
    this.cells = make(0)
  }

  at(place: number): number {
    return this.cells[place] ?? 0
  }

  push(value: number): void {
    this.reserve(1)
    this.cells[this.length++] = value
  }

  append(values: ArrayLike<number>): void {
    this.reserve(values.length)
    this.cells.set(values, this.length)
    this.length += values.length
  }

  copy(): Cells {
    return this.cells.slice(0, this.length)
  }

  private reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.cells.length) return
    const longer = this.make(Math.max(firstLength, needed, Math.ceil(this.cells.length * growth)))
    longer.set(this.cells)
    this.cells = longer
  }
}
