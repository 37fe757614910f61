import { toHalfsecondError } from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import type { ArmPosterior } from '../../core/learning/belief.ts'
import { type LearnedPlacement, learnedPlacements } from '../../core/learning/learned-placement.ts'
import { makeVersion } from '../../core/learning/make-version.ts'
import type { ModelOrigin } from '../../core/learning/model-version.ts'
import type { ShardStatistics } from '../../core/learning/statistics.ts'
import { latestOf, summed } from '../../core/learning/summed-statistics.ts'
import { encodeVersion, isSameContent, versionBytesMax } from '../../core/learning/version-codec.ts'
import { cellsMax } from '../../core/learning/version-plan.ts'
import type { Clock, Models, Observer, Timer } from '../ports.ts'
import { inSlices } from './in-slices.ts'
import type { Trainer, TrainingInput } from './trainer.ts'
import { Training } from './training.ts'

/** How often it is looked whether something was learnt. */
export const modelEveryMs = 10_000

/** Shards that are asked at once: each answers with thousands of cells at most. */
const askedAtOnce = 8

export interface ModelPublisherDependencies {
  /** Whether this is the node that publishes. */
  readonly isActive: () => boolean
  /** What decides now; undefined without a playbook. */
  readonly active: () => { readonly version: number; readonly playbook: Playbook } | undefined
  readonly shards: number
  /** What a shard counted, from whichever node holds it. Rejects where none answers. */
  readonly statisticsOf: (shard: number) => Promise<ShardStatistics>
  readonly models: Pick<Models, 'publish' | 'newest'>
  /** Those besides the bandit. */
  readonly trainers: readonly Trainer[]
  readonly clock: Clock
  readonly observer: Pick<Observer, 'modelFailed' | 'failed' | 'noted'>
}

/**
 * Publishes what was learnt, on one node of a cluster: every ten seconds what all shards counted is
 * summed up, and where it says something else than the newest version it is the next one.
 *
 * P1 a number has one content: who publishes it second is refused, and begins again from the newest.
 * P2 what it publishes follows from the positions of the logs and the playbook that it names; which
 *    node asks, and which replicas answer, does not show. (Trainers may look at more than that.)
 * P3 a shard that cannot be asked, or anything else that fails, costs a round: the newest version
 *    goes on.
 */
export class ModelPublisher {
  private readonly uses: ModelPublisherDependencies
  private readonly trainings: ReadonlyMap<string, Training>
  private timer: Timer | undefined
  private running: Promise<void> = Promise.resolve()
  private isClosed = false
  /** Beliefs that fitted a message last. */
  private cells = cellsMax

  constructor(uses: ModelPublisherDependencies) {
    this.uses = uses
    const { clock, observer } = uses
    this.trainings = new Map(
      uses.trainers.map((trainer) => [trainer.name, new Training({ trainer, clock, observer })]),
    )
    this.schedule()
  }

  /** Ends after what is under way. Never rejects. */
  async close(): Promise<void> {
    this.isClosed = true
    this.timer?.cancel()
    await this.running
  }

  /**
   * Looks once. Never rejects.
   * @returns the version that it published
   */
  async look(): Promise<number | undefined> {
    const { isActive, active, observer } = this.uses
    const playbook = active()
    if (!isActive() || playbook === undefined) return undefined
    const placements = learnedPlacements(playbook.playbook)
    if (placements.length === 0) return undefined
    const shards = await this.statistics()
    if (shards === undefined) return undefined
    try {
      return await this.publish(playbook, placements, shards)
    } catch (error) {
      observer.modelFailed('publication')
      const what = 'cannot publish what was learnt'
      observer.failed('model', toHalfsecondError(error, 'UNAVAILABLE', what))
      return undefined
    }
  }

  private schedule(): void {
    if (this.isClosed) return
    this.timer = this.uses.clock.after(modelEveryMs, () => {
      this.running = this.look().then(() => this.schedule())
    })
  }

  /** Of all shards; undefined where one cannot be asked. */
  private async statistics(): Promise<readonly ShardStatistics[] | undefined> {
    const { shards, statisticsOf, observer } = this.uses
    const all: ShardStatistics[] = []
    try {
      while (all.length < shards) {
        const count = Math.min(askedAtOnce, shards - all.length)
        const some = Array.from({ length: count }, (_, i) => statisticsOf(all.length + i))
        all.push(...(await Promise.all(some)))
        if (this.isClosed) return undefined
      }
      return all
    } catch (error) {
      observer.modelFailed('statistics')
      const what = `what was learnt is not summed up: shard ${all.length} or one of the next cannot be asked`
      observer.failed('model', toHalfsecondError(error, 'UNAVAILABLE', what))
      return undefined
    }
  }

  private async publish(
    playbook: TrainingInput['playbook'],
    placements: readonly LearnedPlacement[],
    shards: readonly ShardStatistics[],
  ): Promise<number | undefined> {
    const { models, clock } = this.uses
    const sums = await inSlices(summed(shards), clock)
    const at = latestOf(shards)
    const positions = shards.map(({ position }) => position)
    const made = { at, positions, playbook: playbook.version }
    const trained = this.trained({ placements, playbook, at })
    const bytes = await this.encoded({ made, placements, sums, trained })
    const newest = await models.newest()
    if (newest && isSame(newest.bytes, bytes)) return undefined
    const version = (newest?.version ?? 0) + 1
    return (await models.publish(version, bytes)) ? version : undefined
  }

  private trained({
    placements,
    ...input
  }: TrainingInput): ReadonlyMap<string, readonly ArmPosterior[]> {
    const all = new Map<string, readonly ArmPosterior[]>()
    for (const [name, training] of this.trainings) {
      const own = placements.filter(({ learning }) => learning.trainer === name)
      if (own.length === 0) continue
      const beliefs = training.beliefs({ placements: own, ...input })
      for (const [placement, believed] of beliefs) all.set(placement, believed)
    }
    return all
  }

  /** With fewer beliefs where names are so long that it does not fit a message. */
  private async encoded(
    input: Omit<Parameters<typeof makeVersion>[0], 'cells'> & { readonly made: ModelOrigin },
  ): Promise<Uint8Array> {
    for (let cells = cellsMax; ; cells = Math.floor(cells / 2)) {
      const bytes = await inSlices(encodedVersion({ ...input, cells }), this.uses.clock)
      if (bytes.length <= versionBytesMax || cells === 0) return bytes
      this.note(cells)
    }
  }

  private note(cells: number): void {
    if (this.cells <= cells / 2) return
    this.cells = Math.floor(cells / 2)
    this.uses.observer.noted(
      'warn',
      'a model version has fewer beliefs than it could: names of offers, treatments and buckets are too long',
      { beliefs: this.cells },
    )
  }
}

/** To encode takes as long as a slice: it is a piece of its own. */
function* encodedVersion(input: Parameters<typeof makeVersion>[0]): Generator<void, Uint8Array> {
  const version = yield* makeVersion(input)
  yield
  return encodeVersion(version)
}

/** One that cannot be read is replaced. */
function isSame(newest: Uint8Array, bytes: Uint8Array): boolean {
  try {
    return isSameContent(newest, bytes)
  } catch {
    return false
  }
}
