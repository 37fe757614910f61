import type { Visit } from './shop.ts'
import type { World } from './world.ts'

/** What visitors are expected to click, by who chooses. Expected, not counted: so chance does not blur it. */
export class Rewards {
  learner = 0
  /** Of whoever knows all tastes at every time. */
  oracle = 0
  /** Of who shows each arm alike. */
  random = 0
  /** Of each arm, if everybody were shown it. */
  readonly constant: number[]
  private readonly world: World

  constructor(world: World) {
    this.world = world
    this.constant = world.arms.map(() => 0)
  }

  add({ atMs, kind, chosen }: Visit): void {
    let best = 0
    let sum = 0
    for (const arm of this.world.arms.keys()) {
      const rate = this.world.rateOf(arm, kind, atMs)
      this.constant[arm] = (this.constant[arm] ?? 0) + rate
      if (rate > best) best = rate
      sum += rate
    }
    this.learner += this.world.rateOf(chosen.arm, kind, atMs)
    this.oracle += best
    this.random += sum / this.world.arms.length
  }

  /** Of the best arm, as is known only when all is over. */
  get bestConstant(): number {
    return Math.max(...this.constant)
  }
}
