import { shrink } from '../shrink.ts'
import { takeForeseen } from './foresight.ts'
import { type History, historyOf, textOf } from './history.ts'
import { IdentityWorld, type Plant } from './identity-world.ts'
import type { Violation } from './laws.ts'
import { lookAt, otherWhenRefolded } from './oracle.ts'
import { ReachedStates } from './reached.ts'
import { unlikeNeverMerged } from './unmerge.ts'

export interface Found {
  readonly violation: Violation
  /** With no step that the violation does not need. */
  readonly history: History
}

export interface Many {
  readonly found: readonly Found[]
  readonly reached: ReachedStates
}

/** Runs a history to its end and looks at it whenever everything has arrived. */
export function runHistory(
  history: History,
  plant: Plant = {},
  reached = new ReachedStates(),
): Violation | undefined {
  const world = new IdentityWorld(history, plant, reached)
  try {
    return takeSteps(history, world, reached) ?? lookBack(history, world, plant, reached)
  } catch (error) {
    // A fold that throws stops a replica for good.
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { law: 'it comes to rest', what }
  } finally {
    world.end()
  }
}

function takeSteps(
  { steps, isCalm }: History,
  world: IdentityWorld,
  reached: ReachedStates,
): Violation | undefined {
  for (const step of steps) {
    const violation =
      isCalm && step.kind === 'tell' ? takeForeseen(world, step) : taken(world, step)
    if (violation) return violation
    if (isCalm && step.kind === 'tell') reached.count('foreseen')
  }
  world.settle()
  reached.look(world)
  return lookAt(world)
}

function taken(world: IdentityWorld, step: History['steps'][number]): Violation | undefined {
  world.apply(step)
  return step.kind === 'settle' ? lookAt(world) : undefined
}

function lookBack(
  history: History,
  world: IdentityWorld,
  plant: Plant,
  reached: ReachedStates,
): Violation | undefined {
  return otherWhenRefolded(world) ?? unlikeNeverMerged(history, world, plant, reached)
}

/** Runs the histories of so many seeds; those that fail are shrunk. */
export async function runHistories(
  firstSeed: number,
  count: number,
  progress: (done: number) => void = () => {},
  plant: Plant = {},
): Promise<Many> {
  const found: Found[] = []
  const reached = new ReachedStates()
  for (let done = 0; done < count; done++) {
    const history = historyOf(firstSeed + done)
    const violation = runHistory(history, plant, reached)
    if (violation) found.push({ violation, history: await shrunk(history, violation, plant) })
    progress(done + 1)
  }
  return { found, reached }
}

function shrunk(history: History, { law }: Violation, plant: Plant): Promise<History> {
  return shrink(history, (fewer) => Promise.resolve(runHistory(fewer, plant)?.law === law))
}

/** What failed, and how to see it again. */
export function reportOf({ violation, history }: Found): string {
  const { seed, isCalm, skewsMs } = history
  const head = `seed ${seed}: ${violation.law}: ${violation.what}`
  const world = `  ${isCalm ? 'calm' : 'in haste'}, clocks ${skewsMs.join(' ')}`
  return [head, world, ...history.steps.map((step) => `  ${textOf(step)}`)].join('\n')
}
