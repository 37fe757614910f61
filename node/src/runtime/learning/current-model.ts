import { toHalfsecondError } from '@halfsecond/protocol'
import { type Model, noModel } from '../../core/learning/model.ts'
import { beliefsIn } from '../../core/learning/model-version.ts'
import { decodeVersion } from '../../core/learning/version-codec.ts'
import { VersionedModel } from '../../core/learning/versioned-model.ts'
import type { Clock, Models, Observer, StoredModel, Timer } from '../ports.ts'

/** Told of a version it waits for so long: who publishes is told of it before it is stored. */
const settleMs = 100

/** How often it looks though nobody told it of anything. */
const lookMs = 15_000

/** How soon a node that has none yet looks again where it could not. */
const retryMs = 1_000

export interface CurrentModelDependencies {
  readonly models: Pick<Models, 'newest' | 'watch'>
  readonly clock: Clock
  readonly observer: Pick<Observer, 'modelFailed' | 'failed' | 'noted'>
}

/** What a node decides by, and where that is from. */
export interface ModelInUse {
  readonly model: Model
  /** When it was published, in milliseconds since 1970. */
  readonly publishedAt: number
  /** Beliefs with draws in it. */
  readonly beliefs: number
}

const nothingYet: ModelInUse = { model: noModel, publishedAt: 0, beliefs: 0 }

/**
 * The newest version that this node can read. One that it cannot read, or cannot get, leaves the last
 * that it could: decisions never wait for it and never fail by it.
 */
export class CurrentModel {
  private readonly uses: CurrentModelDependencies
  private used = nothingYet
  /** The last one that could not be read: it is said once. */
  private unreadable = 0
  private watching: { close(): void } | undefined
  private timer: Timer | undefined
  private looking: Promise<number> | undefined
  private isClosed = false

  constructor(uses: CurrentModelDependencies) {
    this.uses = uses
  }

  get model(): Model {
    return this.used.model
  }

  get inUse(): ModelInUse {
    return this.used
  }

  /** Resolves once it has looked for the newest. Never rejects. */
  async start(): Promise<void> {
    this.watching = this.uses.models.watch(() => this.schedule(settleMs))
    this.schedule(await this.look())
  }

  /** Never rejects. */
  async close(): Promise<void> {
    this.isClosed = true
    this.watching?.close()
    this.timer?.cancel()
    await this.looking
  }

  private schedule(ms: number): void {
    if (this.isClosed) return
    this.timer?.cancel()
    this.timer = this.uses.clock.after(
      ms,
      () => void this.look().then((next) => this.schedule(next)),
    )
  }

  /** Resolves with how soon to look again. */
  private look(): Promise<number> {
    this.looking ??= this.take().finally(() => {
      this.looking = undefined
    })
    return this.looking
  }

  private async take(): Promise<number> {
    const { models, observer } = this.uses
    try {
      const newest = await models.newest()
      if (newest && this.isNews(newest)) this.use(newest)
      return lookMs
    } catch (error) {
      observer.modelFailed('reading')
      const what = 'cannot look for a newer model'
      observer.failed('model', toHalfsecondError(error, 'UNAVAILABLE', what))
      return this.used === nothingYet ? retryMs : lookMs
    }
  }

  /** A server that is behind may give an older one; where all are gone, numbers begin anew. */
  private isNews({ version, publishedAt }: StoredModel): boolean {
    const { model, publishedAt: before } = this.used
    return version > model.version || (version < model.version && publishedAt > before)
  }

  private use({ version, publishedAt, bytes }: StoredModel): void {
    const { observer } = this.uses
    try {
      const content = decodeVersion(bytes)
      const model = new VersionedModel(version, content)
      this.used = { model, publishedAt, beliefs: beliefsIn(content) }
    } catch (error) {
      if (version === this.unreadable) return
      this.unreadable = version
      observer.modelFailed('reading')
      observer.noted('warn', 'a model version cannot be read here: an older one decides', {
        version,
        uses: this.used.model.version,
        error: error instanceof Error ? error.message : String(error),
      })
    }
  }
}
