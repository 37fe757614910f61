import { type FragmentId, isFragmentId, outcomes } from '@halfsecond/protocol'
import type { Measure } from '../../core/decision/playbook.ts'
import type { ExperimentQuestion } from '../../core/learning/experiment-facts.ts'

/** Fragments asked about at once: their answer is one message. */
export const askedAtOnce = 256

/** Measures of one experiment: its own, and guardrails. */
const measuresMax = 32

/** An experiment as it is asked about, in what every message may hold. */
interface Asked {
  readonly name: string
  /** Absent where it is open. */
  readonly starts?: number | undefined
  readonly ends?: number | undefined
  readonly now: number
  /** Like `outcome 604800000 accept`. */
  readonly measures: readonly string[]
}

/** What is asked of whoever holds a shard. */
export type ExperimentRead =
  /** What the people did whose profiles are kept in this shard: `ExperimentSums`, once. */
  | ({ readonly what: 'experimentSums'; readonly shard: number } & Asked)
  /** What is known of these fragments of the shard: `ExperimentFacts` with their `id`. */
  | ({
      readonly what: 'experimentFacts'
      readonly shard: number
      readonly ids: readonly FragmentId[]
    } & Asked)

export function askedOf({ name, starts, ends, now, measures }: ExperimentQuestion): Asked {
  return {
    name,
    ...(Number.isFinite(starts) && { starts }),
    ...(Number.isFinite(ends) && { ends }),
    now,
    measures: measures.map(measureText),
  }
}

export function questionIn({ name, starts, ends, now, measures }: Asked): ExperimentQuestion {
  return {
    name,
    starts: starts ?? Number.NEGATIVE_INFINITY,
    ends: ends ?? Number.POSITIVE_INFINITY,
    now,
    measures: measures.flatMap((text) => measureIn(text) ?? []),
  }
}

/** Undefined for what is no such request. */
export function experimentReadIn(request: {
  readonly [name: string]: unknown
}): ExperimentRead | undefined {
  const { what, shard, name, starts, ends, now, measures, ids } = request
  const isAsked =
    isTime(shard) && typeof name === 'string' && isTime(now) && Array.isArray(measures)
  if (!isAsked || measures.length > measuresMax) return undefined
  const texts = measures.filter((one) => typeof one === 'string')
  if (!texts.every((text) => measureIn(text) !== undefined)) return undefined
  const asked = {
    name,
    ...(isTime(starts) && { starts }),
    ...(isTime(ends) && { ends }),
    now,
    measures: texts,
  }
  if (what === 'experimentSums') return { what, shard, ...asked }
  if (what !== 'experimentFacts' || !Array.isArray(ids) || ids.length > askedAtOnce)
    return undefined
  return { what, shard, ids: ids.filter(isFragmentId), ...asked }
}

function measureText(measure: Measure): string {
  const what = measure.kind === 'event' ? measure.event : measure.outcome
  return `${measure.kind} ${measure.withinMs} ${what}`
}

function measureIn(text: string): Measure | undefined {
  const [, kind, within, name = ''] = /^(outcome|event) (\d{1,12}) (.+)$/.exec(text) ?? []
  const withinMs = Number(within)
  if (kind === 'event') return { kind, event: name, withinMs }
  const outcome = outcomes.find((one) => one === name)
  return kind === 'outcome' && outcome ? { kind, outcome, withinMs } : undefined
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
