import { decode, parseShardMap, type ShardMap, subjects } from '@halfsecond/protocol'
import { AcceptingPerson, type AcceptWorld } from './accept-trial.ts'
import { Dice } from './dice.ts'
import { nodeCount, type Step, shardCount } from './schedule.ts'
import { dealCount, Simulation } from './simulation.ts'

/** What goes on between an acceptance and the decision after it. */
const kinds = [
  'kill',
  'kill',
  'drain',
  'pause',
  'cut-log',
  'noise',
  'ack-loss',
  'disk-slow',
  'playbook',
] as const

/** People of one cluster, who accept while it has its faults; then another one is made. */
const peoplePerCluster = 125
const clusterMs = 12_000
const faultsPerCluster = 6

/** How long the last trials may take. */
const finishMs = 10_000

export interface Accepts {
  /** Acceptances whose next decision was answered. */
  readonly trials: number
  /** Of them confirmed to count everywhere before that. */
  readonly confirmed: number
  /** Decisions that offered what had been accepted, or anything else that must not be; with their seed. */
  readonly violations: readonly string[]
  /** Acceptances that were not written, or whose next decision nobody answered: they prove nothing. */
  readonly unanswered: number
  /** Answers besides, which said that they are of older facts, as a home could not be asked. */
  readonly stale: number
  /** Those of them that offered what had been accepted. */
  readonly staleOffers: number
}

/**
 * People who accept something on one channel, and are asked about on another one right after, by any
 * of their identifiers, at any replica, while nodes die, stand still and hand over.
 */
export async function runAccepts(
  firstSeed: number,
  trials: number,
  progress: (done: number) => void = () => {},
): Promise<Accepts> {
  const total = { trials: 0, confirmed: 0, unanswered: 0, stale: 0, staleOffers: 0 }
  const violations: string[] = []
  for (let seed = firstSeed; total.trials < trials; seed++) {
    const people = Math.ceil((trials - total.trials) / dealCount)
    const one = await runCluster(seed, Math.min(peoplePerCluster, people))
    total.trials += one.trials
    total.confirmed += one.confirmed
    total.unanswered += one.unanswered
    total.stale += one.stale
    total.staleOffers += one.staleOffers
    violations.push(...one.violations.map((what) => `seed ${seed}: ${what}`))
    progress(total.trials)
  }
  return { ...total, violations }
}

async function runCluster(seed: number, count: number): Promise<Accepts> {
  const dice = new Dice(seed)
  const memoryBytes = dice.pick([4_000, 1024 ** 3])
  const simulation = new Simulation({ seed, steps: [], faultsMs: clusterMs, memoryBytes }, {})
  const { time, invariants } = simulation
  await simulation.start()
  const world = worldOf(simulation, dice)
  const people = Array.from({ length: count }, (_, i) => new AcceptingPerson(`${i}`, world))
  for (const person of people) time.after(dice.between(0, clusterMs), () => void person.run())
  for (const step of stepsOf(dice)) time.after(step.atMs, () => simulation.apply(step))
  await simulation.run(clusterMs)
  simulation.heal()
  await simulation.runUntil(() => people.every(({ isDone }) => isDone), finishMs)
  simulation.endAll()
  const trials = people.flatMap((person) => person.trials)
  const sum = (of: 'unanswered' | 'stale' | 'staleOffers') =>
    people.reduce((all, person) => all + person[of], 0)
  return {
    trials: trials.length,
    confirmed: trials.filter(({ isConfirmed }) => isConfirmed).length,
    unanswered: sum('unanswered'),
    stale: sum('stale'),
    staleOffers: sum('staleOffers'),
    violations: [
      ...trials.flatMap(({ violation }) => violation ?? []),
      ...invariants.violations.map(({ invariant, what }) => `${invariant}: ${what}`),
    ],
  }
}

function stepsOf(dice: Dice): Step[] {
  return Array.from({ length: faultsPerCluster }, () => ({
    atMs: dice.between(0, clusterMs),
    kind: dice.pick(kinds),
    node: dice.below(nodeCount),
    shard: dice.below(shardCount),
    ms: dice.chance(0.5) ? dice.between(50, 800) : dice.between(800, 4_000),
  }))
}

function worldOf(simulation: Simulation, dice: Dice): AcceptWorld {
  const { time, server, nodes } = simulation
  const bus = simulation.connect('accepts')
  let map: ShardMap | undefined = nodes[0]?.engine?.map()
  bus.listen(subjects.map, (bytes) => {
    const told = parseShardMap(decode(bytes))
    if (told.epoch > (map?.epoch ?? 0)) map = told
  })
  const append: AcceptWorld['append'] = (shard, bytes) =>
    server.append(shard, bytes, 'log', 'accepts')
  return { time, dice, bus, map: () => map, append }
}
