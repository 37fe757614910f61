import { Dice } from './dice.ts'

/** What goes wrong, or what operators do. */
export const kinds = [
  'kill',
  'wipe',
  'pause',
  'jump',
  'partition',
  'cut-log',
  'control-away',
  'control-stale',
  'control-unconfirmed',
  'noise',
  'ack-loss',
  'log-away',
  'log-full',
  'log-clock',
  'disk-full',
  'disk-slow',
  'poison',
  'garbage',
  'reset',
  'lose-suffix',
  'recreate',
  'grow',
  'trim',
  'drain',
  'playbook',
] as const

export type Kind = (typeof kinds)[number]

export interface Step {
  readonly atMs: number
  readonly kind: Kind
  readonly node: number
  readonly shard: number
  /** How long it lasts, where it does. */
  readonly ms: number
}

/** All that a run depends on. */
export interface Schedule {
  readonly seed: number
  readonly steps: readonly Step[]
  /** When everything that went wrong ends. */
  readonly faultsMs: number
  /** Bytes that actors may take on a node. */
  readonly memoryBytes: number
}

export const nodeCount = 3
export const shardCount = 4

const faultsMs = 8_000

/** Each schedule is about a few of the kinds, so that it gets deep into them. */
export function scheduleOf(seed: number): Schedule {
  const dice = new Dice(seed)
  const themes = Array.from({ length: 1 + dice.below(4) }, () => dice.pick(kinds))
  const steps = Array.from({ length: 2 + dice.below(9) }, () => ({
    atMs: Math.round(dice.between(0, faultsMs)),
    kind: dice.chance(0.75) ? dice.pick(themes) : dice.pick(kinds),
    node: dice.below(nodeCount),
    shard: dice.below(shardCount),
    ms: Math.round(dice.chance(0.5) ? dice.between(50, 800) : dice.between(800, 5_000)),
  })).sort((a, b) => a.atMs - b.atMs)
  return { seed, steps, faultsMs, memoryBytes: dice.pick([0, 4_000, 1024 ** 3]) }
}

export function textOf({ atMs, kind, node, shard, ms }: Step): string {
  return `${`${atMs}`.padStart(5)} ms  ${kind.padEnd(20)} node ${node}  shard ${shard}  for ${ms} ms`
}
