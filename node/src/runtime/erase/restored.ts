import type { Client } from '@halfsecond/client'
import { epochOf, identifierIn } from '@halfsecond/protocol'
import { identifierInRow, tombInRow } from '../../core/fragment/fragment-row.ts'
import type { Erased, Observer, Store, Tombstone } from '../ports.ts'
import type { Checkpointer } from '../shards/checkpointer.ts'
import type { Shard } from '../shards/shard.ts'

/** The time of a shard without traffic moves this often; a store is no older than so much more. */
const timeLagMs = 60_000

/** How long the fold of an erase may take. */
const foldedMs = 10_000

export interface RestoredDependencies {
  readonly shards: readonly Shard[]
  readonly leads: (shard: number) => boolean
  readonly store: Store
  readonly erased: Erased
  readonly checkpointer: Checkpointer
  readonly client: () => Pick<Client, 'record'>
  readonly observer: Observer
}

/**
 * Erases again what an older backup brought back. A store and a log that were put back know nothing
 * of an erase that came later; its tombstone does, for it is kept apart.
 *
 * @param times the time of each shard as its store had it when it was opened: nothing that was
 *   erased long before can be missing
 * Resolves once nothing of it is left in any answer. Rejects with `UNAVAILABLE`.
 */
export async function eraseRestored(
  uses: RestoredDependencies,
  times: ReadonlyMap<number, number>,
): Promise<void> {
  const { shards, leads, erased, checkpointer } = uses
  const led = shards.filter(({ number }) => leads(number))
  const since = Math.min(...led.map(({ number }) => (times.get(number) ?? 0) - timeLagMs))
  if (led.length === 0) return
  const stones: Tombstone[] = []
  for await (const stone of erased.since(Math.max(0, since)))
    if (stone.at > (times.get(stone.shard) ?? 0) - timeLagMs) stones.push(stone)
  if (stones.length === 0) return
  // Rows are as what is in memory from here on.
  await checkpointer.flush()
  for (const shard of led)
    for (const stone of stones) if (stone.shard === shard.number) await eraseOne(uses, shard, stone)
}

async function eraseOne(
  { store, client, observer }: RestoredDependencies,
  shard: Shard,
  { key, eraseId, at }: Tombstone,
): Promise<void> {
  const row = store.shard(shard.number).fragmentOf(key)
  const id = row && identifierInRow(row)
  if (row === undefined || id === undefined) return
  if (tombInRow(row)?.erasures.has(eraseId)) return
  const record = { kind: 'erase' as const, key: identifierIn(id), eraseId, epoch: epochOf(id) }
  const { sequence } = await client().record(record, { at })
  await shard.reached(sequence, foldedMs)
  observer.noted('warn', 'a backup had brought back what was erased', {
    shard: shard.number,
    eraseId,
  })
}
