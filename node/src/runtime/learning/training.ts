import { HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import type { ArmPosterior } from '../../core/learning/belief.ts'
import type { Clock, Observer } from '../ports.ts'
import {
  beliefKeptMs,
  type Trainer,
  type TrainingInput,
  trainEveryMs,
  trainingMs,
} from './trainer.ts'

export interface TrainingDependencies {
  readonly trainer: Trainer
  readonly clock: Clock
  readonly observer: Pick<Observer, 'modelFailed' | 'failed'>
}

type Beliefs = ReadonlyMap<string, readonly ArmPosterior[]>

interface Trained {
  readonly beliefs: Beliefs
  /** By placement, what it learnt then. */
  readonly lessons: ReadonlyMap<string, string>
  /** Monotonic. */
  readonly at: number
}

/**
 * Has a trainer learn beside everything else, and keeps what it last believed. Nobody waits for it:
 * one that fails or takes too long costs its beliefs, not a model version.
 */
export class Training {
  private readonly uses: TrainingDependencies
  private trained: Trained | undefined
  private isRunning = false
  private startedAt = Number.NEGATIVE_INFINITY

  constructor(uses: TrainingDependencies) {
    this.uses = uses
  }

  /** What is believed now; begins to learn anew where it is time. */
  beliefs(input: TrainingInput): Beliefs {
    const { clock } = this.uses
    const now = clock.monotonic()
    if (!this.isRunning && now - this.startedAt >= trainEveryMs) void this.train(input)
    const { trained } = this
    if (trained === undefined || now - trained.at > beliefKeptMs) return new Map()
    const current = input.placements.filter(
      ({ name, learning }) => trained.lessons.get(name) === learning.lesson,
    )
    return new Map(current.map(({ name }) => [name, trained.beliefs.get(name) ?? []]))
  }

  private async train(input: TrainingInput): Promise<void> {
    const { trainer, clock, observer } = this.uses
    this.isRunning = true
    this.startedAt = clock.monotonic()
    let isLate = false
    const timer = clock.after(trainingMs, () => {
      isLate = true
      observer.modelFailed('trainer')
      const late = `it took longer than ${trainingMs / 1_000} s and was given up`
      observer.failed(`trainer ${trainer.name}`, new HalfsecondError('TIMEOUT', late))
    })
    try {
      const beliefs = await trainer.train(input)
      if (isLate) return
      const lessons = new Map(input.placements.map(({ name, learning }) => [name, learning.lesson]))
      this.trained = { beliefs, lessons, at: clock.monotonic() }
    } catch (error) {
      if (isLate) return
      observer.modelFailed('trainer')
      const failure = toHalfsecondError(error, 'UNAVAILABLE', 'it cannot learn')
      observer.failed(`trainer ${trainer.name}`, failure)
    } finally {
      timer.cancel()
      this.isRunning = false
    }
  }
}
