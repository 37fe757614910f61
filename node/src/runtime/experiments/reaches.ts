import { HalfsecondError } from '@halfsecond/protocol'
import { headOf, type LoggedDecision, readDecision } from '../../core/decision/logged-decision.ts'
import type { Experiment, Playbook } from '../../core/decision/playbook.ts'
import {
  addReach,
  armLogged,
  type ReachSums,
  type Remade,
  remadeIn,
} from '../../core/learning/reach.ts'
import type { DecisionLog } from '../decisions/decision-log.ts'
import type { PastPlaybooks } from '../decisions/past-playbooks.ts'
import { type Calendar, type Clock, type Decisions, decisionPartitions } from '../ports.ts'
import { SharedTurn } from '../shared-turn.ts'

/** Made again of each arm: a share of so many is good to two points, and takes about a second. */
export const remadeMax = 2_000

/** Of a partition; each holds a share of all people by a hash. */
const remadeHereMax = remadeMax / decisionPartitions

/** Looked through in each partition: about a hundred thousand decisions, of any experiment or none. */
const soughtBytesMax = 64 * 1024 ** 2

/** As long as decisions are kept. */
const keptMs = 30 * 24 * 3_600_000

/** The newest time that is looked through first; each that comes after is longer. */
const newestMs = 60_000

/** Each further piece of time is as long as all after it, and as many again. */
const widening = 2

/** Events that wait have their turn after so long. */
const turnMs = 1

/** How far clocks may be apart, and how long a decision may wait to be logged. */
const lateMs = 600_000

export interface ReachesDependencies {
  /** Of all nodes. */
  readonly decisions: Pick<Decisions, 'find'>
  /** Of this node: what it decided a moment ago is written before it is looked for. */
  readonly decisionLog: Pick<DecisionLog, 'flush'>
  readonly playbooks: Pick<PastPlaybooks, 'at'>
  readonly calendar: Calendar
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'soon'>
}

/** Finds how often the arms of experiments changed what was shown, from decisions that were logged. */
export class Reaches {
  private readonly uses: ReachesDependencies
  /** Of all partitions, and of all reports. */
  private readonly turn: SharedTurn

  constructor(uses: ReachesDependencies) {
    this.uses = uses
    this.turn = new SharedTurn(uses.clock, turnMs)
  }

  /**
   * Of about the newest decisions in each arm but the control. The log holds those of all nodes, so
   * one node finds all. Rejects with `UNAVAILABLE`.
   */
  async of(experiment: Experiment, control: string): Promise<readonly ReachSums[]> {
    // Where that fails the newest are missing, and others tell the same.
    await this.uses.decisionLog.flush().catch(() => undefined)
    const partitions = Array.from({ length: decisionPartitions }, (_, partition) =>
      this.ofPartition(partition, experiment, control),
    )
    return (await Promise.all(partitions)).reduce<readonly ReachSums[]>(addReach, [])
  }

  private async ofPartition(
    partition: number,
    experiment: Experiment,
    control: string,
  ): Promise<readonly ReachSums[]> {
    const { decisions, clock } = this.uses
    const search = new Search(experiment, control)
    const now = clock.now()
    const first = Math.max(now - keptMs, experiment.starts)
    let to = now + lateMs
    let from = now - newestMs
    while (to > first && !search.isDone) {
      for await (const entry of decisions.find(partition, Math.max(first, from), to)) {
        await this.turn.giveWay()
        if (search.mayHold(entry)) await this.remake(entry, search)
        if (search.isDone) break
      }
      // What is there at this very time is found twice, and counted once.
      to = from
      from = now - widening * (now - from)
    }
    return search.sums
  }

  private async remake(entry: Uint8Array, search: Search): Promise<void> {
    const logged = headOf(entry) && readDecision(entry)
    const arm = logged && search.armOf(logged)
    if (logged === undefined || arm === undefined) return
    const playbook = await this.playbookAt(logged.playbookVersion)
    const { control, experiment } = search
    const remade = playbook
      ? remadeIn(control, experiment.name, logged, playbook, this.uses.calendar)
      : 'notKnown'
    search.count(arm, logged.decision, remade)
  }

  /** Undefined where nobody has its text any more, or this version of halfsecond refuses it. */
  private async playbookAt(version: number): Promise<Playbook | undefined> {
    try {
      return await this.uses.playbooks.at(version)
    } catch (error) {
      if (error instanceof HalfsecondError) throw error
      return undefined
    }
  }
}

/** What was found so far in one partition. */
class Search {
  readonly experiment: Experiment
  readonly control: string
  private readonly found = new Map<string, Found>()
  private readonly decisions = new Set<string>()
  private bytes = 0

  constructor(experiment: Experiment, control: string) {
    this.experiment = experiment
    this.control = control
    for (const { name } of experiment.arms)
      if (name !== control)
        this.found.set(name, {
          mark: Buffer.from(`${experiment.name}=${name}`),
          count: 0,
          remade: { changed: 0, same: 0, notKnown: 0 },
        })
  }

  get isDone(): boolean {
    return this.bytes > soughtBytesMax || [...this.found.values()].every(isFull)
  }

  get sums(): readonly ReachSums[] {
    return [...this.found].map(([arm, { remade }]) => ({ arm, ...remade }))
  }

  /** Most entries are of something else: looking for the bytes is far cheaper than decoding. */
  mayHold(entry: Uint8Array): boolean {
    this.bytes += entry.length
    const bytes = Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength)
    for (const one of this.found.values()) if (!isFull(one) && bytes.includes(one.mark)) return true
    return false
  }

  /** The arm that a decision counts in; undefined where it does not, or did already. */
  armOf(logged: LoggedDecision): string | undefined {
    const arm = armLogged(logged, this.experiment.name)
    const found = arm === undefined ? undefined : this.found.get(arm)
    const isCounted = this.decisions.has(logged.decision) || logged.at < this.experiment.starts
    return found === undefined || isFull(found) || isCounted ? undefined : arm
  }

  count(arm: string, decision: string, remade: Remade): void {
    const found = this.found.get(arm)
    if (found === undefined) return
    this.decisions.add(decision)
    found.count++
    found.remade[remade]++
  }
}

interface Found {
  readonly mark: Buffer
  count: number
  readonly remade: Record<Remade, number>
}

function isFull({ count }: Found): boolean {
  return count >= remadeHereMax
}
