import type { ArmPosterior } from './belief.ts'
import type { LearnedPlacement } from './learned-placement.ts'
import { Logistic, type LogisticCell } from './logistic.ts'
import type { TrialRow } from './trial-rows.ts'

/** Fewer say less than counting does: the bandit's beliefs stay. */
export const trialsMin = 200
export const rewardsMin = 5

/** Buckets that are told of: those with most rows. A version has room for no more. */
const bucketsMax = 512

/** Rows summed between two turns of others: less than a millisecond. */
const rowsAtOnce = 1_024

/** No name contains a line's end. */
const mark = '\n'

/**
 * What logistic regression says of a placement's arms in each bucket that was met, or of the arms
 * anywhere where there is but one bucket. In steps, between which others may have their turn.
 * @param rows of this placement, in any order
 */
export function* logisticBeliefs(
  { arms, learning }: LearnedPlacement,
  rows: readonly TrialRow[],
): Generator<void, readonly ArmPosterior[]> {
  const cells = yield* cellsOf(rows, learning)
  if (cells === undefined) return []
  const learnt = yield* Logistic.learn(cells)
  const isDivided = learning.by.length > 0
  const beliefs: ArmPosterior[] = []
  for (const bucket of isDivided ? heaviest(cells) : [undefined]) {
    const values = bucket ?? []
    for (const { offer, treatment } of arms) {
      const { mean, deviation } = learnt.of(`${offer}${mark}${treatment}`, values)
      const belief = { kind: 'logit', mean: rounded(mean), deviation: rounded(deviation) } as const
      beliefs.push({ offer, treatment, bucket: bucket?.join('|'), belief })
    }
    yield
  }
  return beliefs
}

/**
 * Sums of rows by arm and bucket. What is older counts less, as for the bandit, as of the newest row:
 * so while nothing happens nothing changes. Rows that stand for several count as several among the
 * others, but all together for no more than they can say.
 */
function* cellsOf(
  rows: readonly TrialRow[],
  { by, halfLifeMs }: LearnedPlacement['learning'],
): Generator<void, readonly LogisticCell[] | undefined> {
  const sorted = rows.toSorted(inOrder)
  const newest = sorted.reduce((latest, { at }) => Math.max(latest, at), 0)
  const stoodFor = sorted.reduce((sum, { oneOf }) => sum + oneOf, 0)
  const scale = stoodFor / sorted.reduce((sum, { oneOf }) => sum + oneOf * oneOf, 0)
  const cells = new Map<string, { -readonly [K in keyof LogisticCell]: LogisticCell[K] }>()
  let rewards = 0
  let trials = 0
  for (const [i, { offer, treatment, bucket, isReward, at, oneOf }] of sorted.entries()) {
    if (i % rowsAtOnce === 0) yield
    const values = by.length === 0 ? [] : bucket.split('|')
    // From before the author told buckets apart in another way.
    if (values.length !== by.length) continue
    const arm = `${offer}${mark}${treatment}`
    const name = `${arm}${mark}${bucket}`
    let cell = cells.get(name)
    if (cell === undefined) {
      cell = { arm, values, trials: 0, rewards: 0 }
      cells.set(name, cell)
    }
    const weight = oneOf * scale * 2 ** ((at - newest) / halfLifeMs)
    cell.trials += weight
    trials++
    if (!isReward) continue
    cell.rewards += weight
    rewards++
  }
  if (trials < trialsMin || rewards < rewardsMin) return undefined
  return [...cells].sort(byName).map(([, cell]) => cell)
}

/** The order of sums, so that they are the same to the last bit. */
function inOrder(one: TrialRow, other: TrialRow): number {
  if (one.decision !== other.decision) return one.decision < other.decision ? -1 : 1
  return one.offer < other.offer ? -1 : 1
}

function heaviest(cells: readonly LogisticCell[]): readonly (readonly string[])[] {
  const buckets = new Map<string, { readonly values: readonly string[]; trials: number }>()
  for (const { values, trials } of cells) {
    const name = values.join('|')
    const bucket = buckets.get(name)
    if (bucket === undefined) buckets.set(name, { values, trials })
    else bucket.trials += trials
  }
  return [...buckets.values()]
    .sort((one, other) => other.trials - one.trials)
    .slice(0, bucketsMax)
    .map(({ values }) => values)
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1
}

/** Draws are far wider: so a belief that hardly moved keeps its draws. */
function rounded(value: number): number {
  return Number(value.toFixed(2))
}
