/** A node that takes a share of something. */
export interface Bearer {
  readonly id: string
  readonly weight: number
}

/** What can be taken from one bearer and given to another, in the order in which it shall go. */
export interface Goods<T extends Bearer, G> {
  /**
   * Whether one without room may take it and give something else away in turn; then each belongs
   * to one bearer. What is moved one by one should not be: half of such a chain makes things worse.
   */
  readonly arePassedOn: boolean
  of(bearer: T): readonly G[]
  /** Who else may have it, the best first. */
  takers(good: G, from: T): readonly T[]
  give(good: G, from: T, to: T): void
}

interface Step<T extends Bearer, G> {
  readonly good: G
  readonly from: T
  readonly to: T
  readonly before: Step<T, G> | undefined
}

/** The fullest node has at most this multiple of its share. */
const fullest = 1.1

/** How much of something each node has, and may have. */
export class Load<T extends Bearer> {
  private readonly counts = new Map<string, number>()
  private readonly perWeight: number

  /** @param total how much there is to share */
  constructor(bearers: readonly T[], total: number) {
    this.perWeight = total / bearers.reduce((sum, { weight }) => sum + weight, 0)
  }

  add(bearer: T): void {
    this.counts.set(bearer.id, this.of(bearer) + 1)
  }

  remove(bearer: T): void {
    this.counts.set(bearer.id, this.of(bearer) - 1)
  }

  hasRoom(bearer: T): boolean {
    return this.of(bearer) < this.most(bearer)
  }

  isOver(bearer: T): boolean {
    return this.of(bearer) > this.most(bearer)
  }

  /** The first that has room; where none has, the least full. */
  roomiest(choices: readonly T[]): T | undefined {
    return choices.find((one) => this.hasRoom(one)) ?? this.emptiest(choices)
  }

  /**
   * Lets one that has too much give something away. False where nothing can be given: it has not
   * too much, or nobody would be better off.
   */
  relieve<G>(bearer: T, goods: Goods<T, G>): boolean {
    if (!this.isOver(bearer)) return false
    let step = this.wayOut(bearer, goods)
    if (step === undefined) return false
    for (; step; step = step.before) {
      goods.give(step.good, step.from, step.to)
      this.remove(step.from)
      this.add(step.to)
    }
    return true
  }

  /** The shortest way to one with room; where there is none, to the emptiest that stays emptier. */
  private wayOut<G>(start: T, goods: Goods<T, G>): Step<T, G> | undefined {
    const reached = new Map<T, Step<T, G> | undefined>([[start, undefined]])
    for (const [from, before] of reached) {
      for (const good of goods.of(from)) {
        for (const to of goods.takers(good, from)) {
          if (reached.has(to)) continue
          const step = { good, from, to, before }
          if (this.hasRoom(to)) return step
          reached.set(to, step)
        }
      }
      if (!goods.arePassedOn) break
    }
    const emptier = Array.from(reached.keys()).filter(
      (one) =>
        (2 * this.of(one) + 1) / one.weight < (2 * this.of(start) - 1) / start.weight - tolerance,
    )
    const end = this.emptiest(emptier)
    return end && reached.get(end)
  }

  private emptiest(choices: readonly T[]): T | undefined {
    let best: T | undefined
    for (const one of choices)
      if (best === undefined || this.fullness(one) < this.fullness(best)) best = one
    return best
  }

  private fullness(bearer: T): number {
    return (this.of(bearer) + 1) / bearer.weight
  }

  private of(bearer: T): number {
    return this.counts.get(bearer.id) ?? 0
  }

  private most({ weight }: T): number {
    const share = this.perWeight * weight
    return Math.max(Math.ceil(share - tolerance), Math.floor(fullest * share + tolerance))
  }
}

/** What floating-point numbers differ by that mean the same. */
const tolerance = 1e-9
