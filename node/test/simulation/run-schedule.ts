import type { Coverage } from './coverage.ts'
import type { Violation } from './invariants.ts'
import type { Schedule } from './schedule.ts'
import { settle } from './settle.ts'
import { type Plant, Simulation } from './simulation.ts'

/** After all faults ended: the lease of a coordinator that died then, and a promotion. */
const servedMs = 6_000
/** Until somebody has read an alert. */
const noticedMs = 1_000

const repairsMax = 30

const wholeMs = 30_000

export interface Outcome {
  readonly violations: readonly Violation[]
  readonly coverage: Coverage
  /** How long it took to have one primary per shard once faults had ended. */
  readonly servedAfterMs: number
}

/** Runs a schedule from the start of all nodes until all is well again, or something is not. */
export async function runSchedule(schedule: Schedule, plant: Plant = {}): Promise<Outcome> {
  const simulation = new Simulation(schedule, plant)
  const { invariants, coverage } = simulation
  // A rejection that nobody takes ends a process.
  const unhandled = (reason: unknown) =>
    invariants.broken('I10 liveness', `a process ends by a rejection: ${stackOf(reason)}`)
  process.on('unhandledRejection', unhandled)
  try {
    const servedAfterMs = await runThrough(simulation, schedule)
    return { violations: invariants.violations, coverage, servedAfterMs }
  } finally {
    simulation.endAll()
    process.off('unhandledRejection', unhandled)
  }
}

async function runThrough(simulation: Simulation, schedule: Schedule): Promise<number> {
  const { time, invariants } = simulation
  await simulation.start()
  const endsAt = time.monotonic() + schedule.faultsMs
  for (const step of schedule.steps)
    time.after(step.atMs, () => {
      if (time.monotonic() < endsAt) simulation.apply(step)
    })
  await simulation.run(schedule.faultsMs)
  simulation.heal()
  // Nodes that start find out what their logs have lost; a human repairs one thing after the other.
  let repairs = 0
  do await simulation.run(noticedMs)
  while (simulation.repair() && ++repairs < repairsMax)
  const healedAt = time.monotonic()
  await simulation.expect(
    () => simulation.isServed,
    servedMs,
    'one primary of every shard, after all faults',
  )
  const servedAfterMs = time.monotonic() - healedAt
  await simulation.expect(
    () => simulation.isWhole,
    wholeMs,
    'two replicas of every shard, after all faults',
  )
  if (invariants.violations.length === 0) await settle(simulation)
  return servedAfterMs
}

function stackOf(reason: unknown): string {
  return reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)
}
