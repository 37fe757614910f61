import {
  addSums,
  type Cell,
  emptySums,
  type Half,
  type LoggedChoices,
  type Sums,
} from './logged-choices.ts'

/**
 * How many rows a mean of something wider is worth: an action in a bucket is believed as far as it has
 * rows, before that the action everywhere, and before that everything.
 */
const priorRows = 10

/** The sum over all rows of what doubly robust estimation makes of each, and of the squares of that. */
export interface ModelledSum {
  readonly sum: number
  readonly squares: number
}

/**
 * Each row counts as what the policy is expected to earn in the row's bucket, and, where the row's
 * action is one of the policy's, as the weighted difference between what it earned and what was
 * expected. Expectations for one half of the log are learnt from the other.
 *
 * Cost: cells of the log, not its buckets times its actions.
 */
export function modelledSum(log: LoggedChoices, policy: ReadonlyMap<string, number>): ModelledSum {
  const one = modelledHalf(log, policy, 0)
  const other = modelledHalf(log, policy, 1)
  return { sum: one.sum + other.sum, squares: one.squares + other.squares }
}

function modelledHalf(
  log: LoggedChoices,
  policy: ReadonlyMap<string, number>,
  half: Half,
): ModelledSum {
  const model = new Expectations(log, half === 0 ? 1 : 0)
  let everywhere = 0
  for (const [action, share] of policy) everywhere += share * model.ofAction(action)
  let sum = 0
  let squares = 0
  for (const cells of log.byBucket()) {
    // Only where a bucket has rows is something else expected there than everywhere.
    let expected = everywhere
    for (const cell of cells.values()) {
      const share = policy.get(cell.action) ?? 0
      expected += share * (model.ofCell(cell) - model.ofAction(cell.action))
    }
    for (const cell of cells.values()) {
      const rows = cell.halves[half]
      const share = policy.get(cell.action) ?? 0
      const q = model.ofCell(cell)
      // Sums over the rows of w (r - q), and of its square.
      const correction = share * (rows.ur - q * rows.u)
      const corrections = share * share * (rows.uurr - 2 * q * rows.uur + q * q * rows.uu)
      sum += rows.n * expected + correction
      squares += rows.n * expected * expected + 2 * expected * correction + corrections
    }
  }
  return { sum, squares }
}

/** Rewards that one half of a log leads to expect. */
export class Expectations {
  private readonly half: Half
  private readonly log: LoggedChoices
  private readonly actions = new Map<string, number>()
  private readonly all: number

  constructor(log: LoggedChoices, half: Half) {
    this.half = half
    this.log = log
    const byAction = new Map<string, Sums>()
    const all = emptySums()
    for (const { action, halves } of log.cells()) {
      const sums = byAction.get(action) ?? emptySums()
      addSums(sums, halves[half])
      addSums(all, halves[half])
      byAction.set(action, sums)
    }
    this.all = all.n === 0 ? 0 : all.r / all.n
    for (const [action, { n, r }] of byAction) this.actions.set(action, pulled(r, n, this.all))
  }

  ofAction(action: string): number {
    return this.actions.get(action) ?? this.all
  }

  /** Of an action in a bucket, whether or not the log has a row of it. */
  of(bucket: string, action: string): number {
    const cell = this.log.cellOf(bucket, action)
    return cell === undefined ? this.ofAction(action) : this.ofCell(cell)
  }

  ofCell({ action, halves }: Cell): number {
    const { n, r } = halves[this.half]
    return pulled(r, n, this.ofAction(action))
  }
}

/** The mean of n rewards, pulled towards what holds more widely. */
function pulled(sum: number, n: number, wider: number): number {
  return (sum + priorRows * wider) / (n + priorRows)
}
