import type { Options, Result } from '../lib/driver.ts'
import type { Figures } from '../lib/figures.ts'
import type { ChaosCluster, ChaosClusterOptions } from './cluster.ts'

/** How long, and under which load, things are broken. */
export interface Run {
  readonly figures: Figures
  /** How long faults go on. */
  readonly seconds: number
  /** Visits a second: each an event and a decide. */
  readonly rate: number
  readonly shards: number
  /** Load before the first fault: processes warm up. 8 by default. */
  readonly warmUpSeconds?: number
}

/** A scenario while it runs. */
export interface Stage extends Run {
  readonly cluster: ChaosCluster
  /** No new fault begins after this time of `performance.now()`. */
  readonly until: number
  /** Counts a fault that did happen. */
  fault(what: string): void
}

/** What the load must find; undefined is only reported. */
export interface Bounds {
  readonly decideP99?: number
  readonly decideP999?: number
  /** Share of visits that may get default content. */
  readonly defaultRatio?: number
  readonly lastClickMissed?: number
}

/** A figure besides those that every scenario has. */
export interface Extra {
  readonly figure: string
  readonly value: number | null
  readonly unit: string
  readonly atMost?: number
  readonly atLeast?: number
  readonly with?: { readonly [name: string]: string | number }
}

export interface Scenario {
  /** What is broken, in a line. */
  readonly about: string
  readonly bounds: Bounds
  /** Faults that must have happened. 1 by default. */
  readonly faultsLeast?: number
  readonly cluster?: Partial<ChaosClusterOptions>
  /** What the load does otherwise than by default. */
  readonly load?: (cluster: ChaosCluster) => Options
  /** Breaks things while the load runs, and mends them again. */
  run(stage: Stage): Promise<Findings>
}

/** Figures of the scenario's own, from what it did and from what the load saw. */
export type Findings = (load: Result) => readonly Extra[]
