import { HalfsecondError } from '@halfsecond/protocol'
import {
  beliefsIn,
  type ModelOrigin,
  type ModelVersion,
} from '../../core/learning/model-version.ts'
import { type PlacementView, viewsOf } from '../../core/learning/model-view.ts'
import { decodeVersion } from '../../core/learning/version-codec.ts'
import type { Models, StoredModel } from '../ports.ts'

/** A version, for people. */
export interface ModelSummary extends ModelOrigin {
  readonly version: number
  /** In milliseconds since 1970. */
  readonly publishedAt: number
  /** Names of what learns. */
  readonly placements: readonly string[]
  /** Arms in buckets that it has draws of. */
  readonly beliefs: number
}

export interface ModelView extends Omit<ModelSummary, 'placements'> {
  readonly placements: readonly PlacementView[]
}

/** The versions that are kept, for people. */
export class ModelVersions {
  private readonly models: Pick<Models, 'newest' | 'at'>

  constructor(models: Pick<Models, 'newest' | 'at'>) {
    this.models = models
  }

  /** The newest, latest first. Rejects with `UNAVAILABLE`. */
  async list(limit: number): Promise<readonly ModelSummary[]> {
    const listed: ModelSummary[] = []
    let stored = await this.models.newest()
    while (stored !== undefined && listed.length < limit) {
      const content = contentOf(stored)
      const placements = content.placements.map(({ placement }) => placement)
      listed.push({ ...summaryOf(stored, content), placements })
      stored = await this.models.at(stored.version - 1)
    }
    return listed
  }

  /**
   * @param version undefined: the newest
   * Rejects with `INVALID` for one that is not kept, or a placement that it does not know, with
   * `UNAVAILABLE` where they cannot be read.
   */
  async show(version?: number, placement?: string): Promise<ModelView> {
    const { models } = this
    const stored = await (version === undefined ? models.newest() : models.at(version))
    if (stored === undefined)
      throw new HalfsecondError(
        'INVALID',
        version === undefined
          ? 'nothing was learnt yet: a placement learns where it says learn:, and the first model comes within ten seconds'
          : `model ${version} is not kept: halfsecond model ls lists those that are`,
      )
    const content = contentOf(stored)
    const views = viewsOf(content)
    const shown =
      placement === undefined ? views : views.filter((one) => one.placement === placement)
    if (placement !== undefined && shown.length === 0)
      throw new HalfsecondError(
        'INVALID',
        `model ${stored.version} knows ${views.map((one) => one.placement).join(', ') || 'no placement'}: name one of them`,
      )
    return { ...summaryOf(stored, content), placements: shown }
  }
}

function summaryOf(
  { version, publishedAt }: StoredModel,
  content: ModelVersion,
): Omit<ModelSummary, 'placements'> {
  return { version, publishedAt, ...content.made, beliefs: beliefsIn(content) }
}

function contentOf({ version, bytes }: StoredModel): ModelVersion {
  try {
    return decodeVersion(bytes)
  } catch (error) {
    throw new HalfsecondError(
      'UNAVAILABLE',
      `model ${version} cannot be read by this version of halfsecond`,
      { cause: error },
    )
  }
}
