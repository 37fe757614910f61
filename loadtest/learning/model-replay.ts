import { subjects } from '@halfsecond/protocol'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Playbook } from '../../node/src/core/decision/playbook.ts'
import { learnedPlacements } from '../../node/src/core/learning/learned-placement.ts'
import { makeVersion } from '../../node/src/core/learning/make-version.ts'
import type { ModelOrigin } from '../../node/src/core/learning/model-version.ts'
import type { ShardStatistics } from '../../node/src/core/learning/statistics.ts'
import { latestOf, summed } from '../../node/src/core/learning/summed-statistics.ts'
import { decodeVersion, encodeVersion } from '../../node/src/core/learning/version-codec.ts'
import { cellsMax } from '../../node/src/core/learning/version-plan.ts'
import { BareShard } from '../../node/test/support/bare-shard.ts'
import { entriesOf } from '../chaos/log-replay.ts'
import { resultOf } from './steps.ts'

/** A version as it was published. */
export interface PublishedModel {
  readonly version: number
  readonly bytes: Uint8Array
}

export interface ReplayedModels {
  readonly models: readonly PublishedModel[]
  /** Versions that say something else than the logs up to their positions. */
  readonly differing: readonly number[]
  /** Trials that the newest version was made of. */
  readonly trials: number
}

/**
 * Makes every version anew, from nothing but the logs up to the positions that it names, and compares
 * it byte by byte.
 */
export async function replayModels(
  url: string,
  shards: number,
  playbook: Playbook,
): Promise<ReplayedModels> {
  const connection = await connect({ servers: url.split(','), noAsyncTraces: true })
  try {
    const manager = await jetstreamManager(connection)
    const models = await publishedModels(manager)
    const origins = models.map(({ bytes }) => decodeVersion(bytes).made)
    const counted: ReadonlyMap<number, ShardStatistics>[] = []
    for (let shard = 0; shard < shards; shard++) {
      const positions = new Set(origins.map((made) => made.positions[shard] ?? 0))
      counted.push(await countedAt(positions, new BareShard(shard, shards), manager))
    }
    const differing: number[] = []
    let trials = 0
    for (const [i, made] of origins.entries()) {
      const all = counted.flatMap((at, shard) => at.get(made.positions[shard] ?? 0) ?? [])
      const { version = 0, bytes } = models[i] ?? {}
      const sums = resultOf(summed(all))
      const again = Buffer.from(madeAgain(made, all, playbook))
      if (bytes === undefined || !again.equals(bytes)) differing.push(version)
      trials = [...sums.values()].flat().reduce((sum, cell) => sum + cell.trials, 0)
    }
    return { models, differing, trials }
  } finally {
    await connection.close()
  }
}

async function publishedModels(manager: JetStreamManager): Promise<PublishedModel[]> {
  const { state } = await manager.streams.info(subjects.modelStream)
  const models: PublishedModel[] = []
  for await (const { seq, data } of entriesOf(manager, subjects.modelStream, state.last_seq))
    models.push({ version: seq, bytes: data })
  return models
}

/** What a bare fold of a shard's log has counted at some of its positions. */
async function countedAt(
  positions: ReadonlySet<number>,
  shard: BareShard,
  manager: JetStreamManager,
): Promise<ReadonlyMap<number, ShardStatistics>> {
  const found = new Map<number, ShardStatistics>()
  const look = () => {
    const { shard: number, applied: position, statistics, time } = shard.state
    if (positions.has(position))
      found.set(position, { shard: number, position, ...statistics.settled(time.now) })
  }
  look()
  const end = Math.max(...positions, 0)
  const entries = entriesOf(manager, subjects.stream(shard.state.shard), end)
  for await (const { subject, data, timestamp } of entries) {
    shard.take(data, Date.parse(timestamp), subject.startsWith('hs.own.'))
    look()
  }
  return found
}

function madeAgain(
  made: ModelOrigin,
  shards: readonly ShardStatistics[],
  playbook: Playbook,
): Uint8Array {
  const version = makeVersion({
    made: { ...made, at: latestOf(shards) },
    placements: learnedPlacements(playbook),
    sums: resultOf(summed(shards)),
    trained: new Map(),
    cells: cellsMax,
  })
  return encodeVersion(resultOf(version))
}
