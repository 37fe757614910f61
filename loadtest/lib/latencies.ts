/** Latencies of one run, in milliseconds. */
export class Latencies {
  private values: Float64Array
  private count = 0

  constructor(expected = 1_024) {
    this.values = new Float64Array(expected)
  }

  add(ms: number): void {
    if (this.count === this.values.length) {
      const larger = new Float64Array(this.values.length * 2)
      larger.set(this.values)
      this.values = larger
    }
    this.values[this.count++] = ms
  }

  get size(): number {
    return this.count
  }

  /** The value that a share `q` of all does not exceed (nearest rank); NaN of none. */
  quantile(q: number): number {
    const sorted = this.values.slice(0, this.count).sort()
    return sorted[Math.max(0, Math.ceil(q * this.count) - 1)] ?? Number.NaN
  }
}
