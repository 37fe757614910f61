import { ulid } from '@halfsecond/protocol'
import { Dice } from '../../node/test/simulation/dice.ts'
import { nextKind, type World } from './world.ts'

/** Who chooses what the visitors of a shop are shown, and is told what became of it. */
export interface Chooser {
  /** @param decision its id, by which everything left to chance is drawn */
  choose(kind: string, decision: string, atMs: number): Chosen
  /** Takes what was seen and clicked, in the order of time. */
  hear(outcome: Told): void
  /** What was learnt until now counts from now on. */
  learn(atMs: number): void
}

export interface Chosen {
  readonly arm: number
  readonly probability: number
}

export interface Told {
  readonly decision: string
  readonly outcome: 'display' | 'click'
  readonly atMs: number
}

export interface Visits {
  readonly perWeek: number
  readonly weeks: number
  readonly seed: number
}

/** One visitor who was shown something. */
export interface Visit {
  readonly atMs: number
  readonly kind: number
  readonly chosen: Chosen
  readonly isClicked: boolean
}

/** When the simulated shop opens: times of a world count from here. */
export const opensAt = Date.UTC(2026, 0, 5)

const weekMs = 7 * 86_400_000

/** How often what was learnt is made use of. Nodes do so every ten seconds. */
const learnEveryMs = 3_600_000

/** Clicks come after a while, on average after so long; one of 150 after half an hour. */
const clickDelayMs = 6 * 60_000

/** Lets visitors come to a shop, at random times, and tells of each. */
export function runShop(
  world: World,
  chooser: Chooser,
  { perWeek, weeks, seed }: Visits,
  visited: (visit: Visit) => void,
): void {
  const dice = new Dice(seed)
  const steps = Math.round((weeks * weekMs) / learnEveryMs)
  const perStep = (perWeek * weeks) / steps
  let told: Told[] = []
  let owed = 0
  for (let step = 0; step < steps; step++) {
    const from = step * learnEveryMs
    owed += perStep
    const times = Array.from({ length: Math.floor(owed) }, () => from + dice.next() * learnEveryMs)
    owed -= times.length
    for (const time of times.sort((one, other) => one - other)) {
      const sinceMs = Math.floor(time)
      const atMs = opensAt + sinceMs
      const kind = nextKind(world, dice)
      const decision = ulid(atMs, (bytes) => bytes.map(() => dice.below(256)))
      const chosen = chooser.choose(world.kinds[kind]?.name ?? '', decision, atMs)
      told.push({ decision, outcome: 'display', atMs })
      const isClicked = dice.chance(world.rateOf(chosen.arm, kind, sinceMs))
      const delayMs = Math.floor(-clickDelayMs * Math.log(1 - dice.next()))
      if (isClicked) told.push({ decision, outcome: 'click', atMs: atMs + delayMs })
      visited({ atMs: sinceMs, kind, chosen, isClicked })
    }
    const until = opensAt + from + learnEveryMs
    const due = told.filter(({ atMs }) => atMs < until).sort((one, other) => one.atMs - other.atMs)
    told = told.filter(({ atMs }) => atMs >= until)
    for (const one of due) chooser.hear(one)
    chooser.learn(until)
  }
}
