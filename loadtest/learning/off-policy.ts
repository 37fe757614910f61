import { type Half, LoggedChoices } from '../../node/src/core/learning/logged-choices.ts'
import {
  type Estimate,
  estimate,
  halfWidthErrors,
  type Measured,
  type Policy,
} from '../../node/src/core/learning/off-policy.ts'
import { Learner } from './learner.ts'
import { runShop, type Visit, type Visits } from './shop.ts'
import { type World, worldOf } from './world.ts'

/** What the learner's own log says of other policies, and what they really would have earned. */
export interface Judged {
  readonly policy: string
  /** Per visitor. */
  readonly truth: number
  readonly estimate: Estimate
}

export const estimators = ['ips', 'snips', 'dr'] as const

/** Whether the stated interval has the truth in it. */
export function covers({ value, standardError }: Measured, truth: number): boolean {
  return Math.abs(truth - value) <= halfWidthErrors * standardError
}

const drift = 0.35
const armCount = 6

/**
 * Lets a learner serve a shop that nobody has seen, and judges known policies by what it logged.
 * @param explore share of visitors who are shown any arm; by default the playbook's
 */
export function judgeBySelf(visits: Visits, explore?: number): readonly Judged[] {
  const { seed, weeks } = visits
  const world = worldOf({ seed, arms: armCount, weeks, drift })
  const kinds = world.kinds.map(({ name }) => name)
  const learner = new Learner({
    arms: world.arms,
    kinds,
    ...(explore !== undefined && { explore }),
  })
  const log = new LoggedChoices()
  const policies = policiesOver(world.arms)
  const earned = policies.map(() => 0)
  let rows = 0
  runShop(world, learner, visits, (visit) => {
    log.add(loggedOf(world, visit, rows++ % 2 === 0 ? 0 : 1))
    policies.forEach(({ shares }, i) => {
      earned[i] = (earned[i] ?? 0) + expectedOf(world, visit, shares)
    })
  })
  return policies.map(({ policy, shares }, i) => ({
    policy,
    truth: (earned[i] ?? 0) / rows,
    estimate: estimate(log, shares),
  }))
}

function policiesOver(
  arms: readonly string[],
): readonly { readonly policy: string; readonly shares: Policy }[] {
  const some = [0.6, 0.3, 0.1]
  return [
    { policy: 'each alike', shares: new Map(arms.map((arm) => [arm, 1 / arms.length])) },
    { policy: 'three of them', shares: new Map(some.map((share, i) => [arms[i] ?? '', share])) },
  ]
}

function loggedOf(world: World, { chosen, kind, isClicked }: Visit, half: Half) {
  return {
    action: world.arms[chosen.arm] ?? '',
    bucket: world.kinds[kind]?.name ?? '',
    reward: isClicked ? 1 : 0,
    propensity: chosen.probability,
    half,
  }
}

/** Expected, not counted: of this visitor, at this time. */
function expectedOf(world: World, { kind, atMs }: Visit, policy: Policy): number {
  let sum = 0
  for (const [arm, name] of world.arms.entries()) {
    const share = policy.get(name) ?? 0
    if (share > 0) sum += share * world.rateOf(arm, kind, atMs)
  }
  return sum
}
