import { HalfsecondError, isFields, printable } from '@halfsecond/protocol'
import type { Experiment, Playbook } from '../../core/decision/playbook.ts'
import { questionOf } from '../../core/learning/experiment-facts.ts'
import {
  controlOf,
  type ExperimentReport,
  experimentReport,
} from '../../core/learning/experiment-report.ts'
import {
  addExperimentSums,
  type ExperimentSums,
  noExperimentSums,
} from '../../core/learning/experiment-sums.ts'
import type { ReachSums } from '../../core/learning/reach.ts'
import { linesIn } from '../identity/lines.ts'
import type { Pulse } from '../identity/pulse.ts'
import type { Clock } from '../ports.ts'
import { askedOf, type ExperimentRead } from './experiment-messages.ts'
import { ExperimentReads, type ExperimentReadsDependencies } from './experiment-reads.ts'

/** Shards that are gone through at once: while one waits for other homes, the other goes on. */
const shardsAtOnce = 2

/** Reports under way at once: each reads through everybody. */
const reportsMax = 2

export interface ExperimentsDependencies extends ExperimentReadsDependencies {
  /** The one that decides; undefined before the first. */
  readonly playbook: () => Playbook | undefined
  /** How often the arms changed what was shown. Rejects with `UNAVAILABLE`. */
  readonly reach: (experiment: Experiment, control: string) => Promise<readonly ReachSums[]>
  readonly clock: Pick<Clock, 'now'>
}

/** What people are told of experiments, whichever node they ask. */
export class Experiments {
  private readonly reads: ExperimentReads
  private readonly uses: ExperimentsDependencies
  private reports = 0

  constructor(uses: ExperimentsDependencies) {
    this.uses = uses
    this.reads = new ExperimentReads(uses)
  }

  /** Answers for a shard that this node holds. */
  read(request: ExperimentRead): AsyncIterable<object | Pulse> {
    return this.reads.read(request)
  }

  /** Of the playbook that decides. */
  all(): readonly Experiment[] {
    return this.uses.playbook()?.experiments ?? []
  }

  /**
   * What an experiment says so far. Reads through everybody, on all nodes.
   * @param against the arm that the others are compared with
   * Rejects with `INVALID` for no experiment or arm of the playbook, `OVERLOADED` where others are
   * being made, `UNAVAILABLE` where nobody answers for a shard.
   */
  async report(name: string, against?: string): Promise<ExperimentReport> {
    const experiment = this.named(name)
    const { arms } = experiment
    if (against !== undefined && arms.every((arm) => arm.name !== against))
      throw new HalfsecondError(
        'INVALID',
        `no arm "${printable(against)}"; there are ${arms.map((arm) => arm.name).join(', ')}`,
      )
    if (this.reports >= reportsMax)
      throw new HalfsecondError(
        'OVERLOADED',
        `${reportsMax} reports are being made: ask again later`,
      )
    this.reports++
    try {
      const now = this.uses.clock.now()
      const sums = await this.sums(experiment, now)
      const reach = await this.uses.reach(experiment, against ?? controlOf(arms))
      return experimentReport(experiment, sums, now, against, reach)
    } finally {
      this.reports--
    }
  }

  private named(name: string): Experiment {
    const all = this.all()
    const found = all.find((one) => one.name === name)
    if (found) return found
    const known = all.map((one) => one.name).join(', ')
    throw new HalfsecondError(
      'INVALID',
      `no experiment "${printable(name)}" in the playbook; there ${all.length === 0 ? 'are none' : `is ${known}`}`,
    )
  }

  private async sums(experiment: Experiment, now: number): Promise<ExperimentSums> {
    const asked = askedOf(questionOf(experiment, now))
    let sums = noExperimentSums
    let next = 0
    const goThrough = async () => {
      while (next < this.uses.shards) {
        const request = { what: 'experimentSums', shard: next++, ...asked } as const
        try {
          const found = await sumsIn(this.uses.read(request))
          sums = addExperimentSums(sums, found)
        } catch (error) {
          // Nobody needs the others any more.
          next = this.uses.shards
          throw error
        }
      }
    }
    await Promise.all(Array.from({ length: shardsAtOnce }, goThrough))
    return sums
  }
}

/** The sums in the answer of a shard. */
async function sumsIn(answer: AsyncIterable<Uint8Array>): Promise<ExperimentSums> {
  for await (const line of linesIn(answer)) if (isSums(line)) return line
  throw new HalfsecondError('UNAVAILABLE', 'a shard did not say what people did: ask again')
}

/** Only shape: another node made it of what this one asked. */
function isSums(line: unknown): line is ExperimentSums {
  return (
    isFields(line) &&
    Array.isArray(line.arms) &&
    typeof line.seen === 'number' &&
    typeof line.several === 'number'
  )
}
