import { bounds } from '@halfsecond/protocol'
import type {
  Experiment,
  ExperimentArm,
  Measure,
  Placement,
  Playbook,
} from '../core/decision/playbook.ts'
import { parseDuration } from '../core/duration.ts'
import { activeTimeOf } from './active-time.ts'
import type { Compilation } from './compilation.ts'
import type { Path } from './document.ts'
import { didYouMean } from './faults.ts'
import { shareOf } from './share.ts'
import type { ArmSource, ExperimentSource, MeasureSource } from './source.ts'

const dayMs = 86_400_000
const defaultWithinMs = 7 * dayMs
/** A report waits as long before it counts somebody: a quarter of a year is patience. */
const withinMaxMs = 90 * dayMs

/** Written shares are decimals, and their sum is not exact. */
const tolerance = 1e-9

/**
 * All experiments of a playbook; faults go to the document. To be called when everything else is
 * compiled: what asks for an arm is known then.
 */
export function compileExperiments(compilation: Compilation): readonly Experiment[] {
  const experiments = Object.entries(compilation.source.experiments ?? {}).map(([name, source]) =>
    experimentOf(name, source, compilation),
  )
  checkMeetings(experiments, compilation)
  return experiments
}

/** Placements, each with the experiments that count there. */
export function withExperiments(
  placements: ReadonlyMap<string, Placement>,
  experiments: readonly Experiment[],
): Playbook['placements'] {
  if (experiments.length === 0) return placements
  return new Map(
    Array.from(placements, ([name, placement]) => [
      name,
      { ...placement, experiments: experiments.filter((one) => one.placements.has(name)) },
    ]),
  )
}

function experimentOf(
  name: string,
  source: ExperimentSource,
  compilation: Compilation,
): Experiment {
  const { document, zone, checker } = compilation
  const path = ['experiments', name]
  const known = Object.keys(compilation.source.placements)
  for (const [index, at] of source.at.entries())
    if (!known.includes(at))
      document.add([...path, 'at', index], `no placement "${at}"${didYouMean(at, known)}`)
  return {
    name,
    placements: new Set(source.at),
    arms: armsOf([...path, 'arms'], source.arms, compilation),
    ...activeTimeOf(path, 'experiment', source, zone, document),
    isRead: checker.arms.asked.has(name),
    measure: measureOf([...path, 'measure'], source.measure, compilation),
    guardrails: (source.guardrails ?? []).map((one, index) =>
      measureOf([...path, 'guardrails', index], one, compilation),
    ),
  }
}

function armsOf(
  path: Path,
  sources: ExperimentSource['arms'],
  { document }: Compilation,
): readonly ExperimentArm[] {
  const arms = Object.entries(sources).map(([name, source]) => {
    const { share, shows = 'rules' }: ArmSource =
      typeof source === 'object' ? source : { share: source }
    return { name, share: share === undefined ? undefined : shareOf(share), shows }
  })
  const given = arms.reduce((sum, { share = 0 }) => sum + share, 0)
  const [rest, ...others] = arms.filter(({ share }) => share === undefined)
  for (const { name } of others)
    document.add([...path, name], 'only one arm gets the rest: give this one a share')
  for (const { name, share } of arms)
    if (share === 0) document.add([...path, name], 'a share is more than 0')
  if (rest === undefined && Math.abs(given - 1) > tolerance)
    document.addAtKey(path, `the shares sum up to ${percent(given)}, not to 100%`)
  if (rest !== undefined && given > 1 - tolerance)
    document.add([...path, rest.name], `nothing is left for it: others have ${percent(given)}`)
  return arms.map(({ name, share, shows }) => ({ name, share: share ?? 1 - given, shows }))
}

/** `105%` */
function percent(share: number): string {
  return `${Number((share * 100).toFixed(4))}%`
}

function measureOf(
  path: Path,
  { on, event, within }: MeasureSource,
  { document, source }: Compilation,
): Measure {
  const withinMs = parseDuration(within ?? '') ?? defaultWithinMs
  if (withinMs > withinMaxMs) document.add([...path, 'within'], 'must be at most 90d')
  if ((on === undefined) === (event === undefined))
    document.add(path, 'a measure is an outcome (on) or an event: name one of them')
  if (event === undefined) return { kind: 'outcome', outcome: on ?? 'accept', withinMs }
  const known = Object.keys(source.events ?? {})
  if (!known.includes(event))
    document.add([...path, 'event'], `no event "${event}"${didYouMean(event, known)}`)
  return { kind: 'event', event, withinMs }
}

/** The most that run at a placement at once do so when one of them begins. */
function checkMeetings(experiments: readonly Experiment[], { document, source }: Compilation) {
  for (const { name, starts } of experiments) {
    for (const [index, at] of (source.experiments?.[name]?.at ?? []).entries()) {
      const running = experiments.filter(
        (one) => one.placements.has(at) && one.starts <= starts && starts < one.ends,
      )
      if (running.length > bounds.armsPerDecision)
        document.add(
          ['experiments', name, 'at', index],
          `${running.length} experiments run here at the same time, at most ${bounds.armsPerDecision} can`,
        )
    }
  }
}
