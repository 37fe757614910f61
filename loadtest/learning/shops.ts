import { Learner } from './learner.ts'
import { Rewards } from './reward.ts'
import type { Run } from './run.ts'
import { runShop } from './shop.ts'
import { worldOf } from './world.ts'

export interface ShopOptions {
  readonly seed: number
  /** Deviation of tastes from week to week; 0: they stay. */
  readonly drift: number
  readonly weeks: number
  readonly perWeek: number
}

export interface ShopRun {
  /** All that was earned. */
  readonly rewards: Rewards
  readonly byWeek: readonly Rewards[]
}

const armCount = 8
const weekMs = 7 * 86_400_000

/** A learner serves a shop that nobody has seen before. */
export function serve({ seed, drift, weeks, perWeek }: ShopOptions): ShopRun {
  const world = worldOf({ seed, arms: armCount, weeks, drift })
  const learner = new Learner({ arms: world.arms, kinds: world.kinds.map(({ name }) => name) })
  const rewards = new Rewards(world)
  const byWeek = Array.from({ length: weeks }, () => new Rewards(world))
  runShop(world, learner, { perWeek, weeks, seed }, (visit) => {
    rewards.add(visit)
    byWeek[Math.floor(visit.atMs / weekMs)]?.add(visit)
  })
  return { rewards, byWeek }
}

/** Tastes as they change in a shop with a season: half as many clicks, or twice, within weeks. */
const drifting = 0.35
const perWeek = 10_000

/** What a learner earns in a shop that it does not know. */
export async function shop({ figures, shops, weeks }: Run): Promise<void> {
  const conditions = { shops, weeks, visitsAWeek: perWeek, offers: armCount }
  await figures.take(['learner-over-best-constant'], async () => {
    const all = serveAll(figures, { shops, weeks, drift: drifting })
    const ratios = all.map(({ rewards }) => rewards.learner / rewards.bestConstant)
    figures.add({
      figure: 'learner-over-best-constant',
      value: total(all, ({ learner }) => learner) / total(all, (one) => one.bestConstant),
      unit: '×',
      atLeast: 1,
      with: {
        scenario: 'drifting tastes',
        ...conditions,
        worst: Number(Math.min(...ratios).toFixed(3)),
        ofOracle: Number(shareOfOracle(all).toFixed(3)),
      },
    })
  })
  await figures.take(['constant-loss'], async () => {
    const all = serveAll(figures, { shops, weeks, drift: 0 })
    const value = 1 - shareOfOracle(all)
    const scenario = 'constant tastes'
    figures.add({ figure: 'constant-loss', value, unit: '', with: { scenario, ...conditions } })
  })
}

function serveAll(
  { note }: Pick<Run['figures'], 'note'>,
  { shops, weeks, drift }: Pick<Run, 'shops' | 'weeks'> & { readonly drift: number },
): ShopRun[] {
  const tastes = drift === 0 ? 'constant' : 'drifting'
  const all: ShopRun[] = []
  for (let seed = 1; seed <= shops; seed++) {
    const run = serve({ seed, drift, weeks, perWeek })
    const { learner, bestConstant } = run.rewards
    const ratio = (learner / bestConstant).toFixed(2)
    note(`shop ${seed} of ${shops}, ${tastes} tastes: ${ratio} times the best constant offer`)
    all.push(run)
  }
  note(`clicks missed, of those that whoever knows all tastes gets, ${tastes} tastes:`)
  for (let week = 0; week < weeks; week++) note(regretLine(all, week))
  return all
}

/** A line of the regret curve. */
function regretLine(all: readonly ShopRun[], week: number): string {
  const sums = all.flatMap(({ byWeek }) => byWeek[week] ?? [])
  const oracle = sums.reduce((sum, one) => sum + one.oracle, 0)
  const missed = (of: (rewards: Rewards) => number) =>
    1 - sums.reduce((sum, one) => sum + of(one), 0) / oracle
  const learner = missed((one) => one.learner)
  const constant = missed((one) => one.bestConstant)
  const percents = [learner, constant].map((share) => `${(share * 100).toFixed(1)} %`.padStart(7))
  const bar = '█'.repeat(Math.round(learner * 100))
  return `  week ${week + 1}  learner ${percents[0]}  best offer of the week ${percents[1]}  ${bar}`
}

function shareOfOracle(all: readonly ShopRun[]): number {
  return total(all, ({ learner }) => learner) / total(all, ({ oracle }) => oracle)
}

function total(all: readonly ShopRun[], of: (rewards: Rewards) => number): number {
  return all.reduce((sum, { rewards }) => sum + of(rewards), 0)
}
