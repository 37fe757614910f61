import { expect, test } from 'vitest'
import { hash64Hex } from '../../../src/core/digest.ts'
import { holdsNothing } from '../../../src/core/fragment/fragment.ts'
import { storedOutboxRow } from '../../../src/core/shard/outbox.ts'
import type { ShardState } from '../../../src/core/shard/shard-state.ts'
import { encodeMeta, encodeProducer } from '../../../src/runtime/shards/shard-rows.ts'
import { rowOf } from '../../support/row-of.ts'
import { Dice } from '../dice.ts'
import { DurableShard } from './durable-shard.ts'
import { historyOf } from './history.ts'
import { IdentityWorld } from './identity-world.ts'
import { shardCount } from './people.ts'
import { ReachedStates } from './reached.ts'

const histories = 600

/** All that a shard knows besides its fragments. */
function textOf(state: ShardState): string {
  const rows = [encodeMeta(state, 0)]
  for (const destination of state.outbox.waiting())
    for (const row of state.outbox.rows(destination)) rows.push(storedOutboxRow(row))
  const heard = Array.from({ length: shardCount }, (_, source) => `outbox:${source}`)
  for (const producer of heard) {
    const row = state.producers.get(producer)
    if (row) rows.push(encodeProducer(producer, row))
  }
  return rows.map((row) => hash64Hex(row)).join(' ')
}

test('rows are what the fold gives, whatever is written, passivated and started anew meanwhile', () => {
  const differing: string[] = []
  for (let seed = 1; seed <= histories; seed++) {
    const history = historyOf(seed)
    const world = new IdentityWorld(history, {}, new ReachedStates())
    for (const step of history.steps) world.apply(step)
    const dice = new Dice(seed)
    for (const [shard, { state, fragments, arena }] of world.replicas.entries()) {
      const durable = new DurableShard(shard, shardCount)
      durable.foldAll(world.entries(shard).slice(0, state.applied), dice)
      if (textOf(durable.state) !== textOf(state)) differing.push(`seed ${seed}: shard ${shard}`)
      for (const [id, fragment] of fragments) {
        const found = durable.read(id)
        const isSame =
          found !== undefined &&
          Buffer.compare(rowOf(found, durable.arena), rowOf(fragment, arena)) === 0
        if (!isSame && !holdsNothing(fragment)) differing.push(`seed ${seed}: ${id}`)
      }
    }
    world.end()
  }

  expect(differing).toEqual([])
}, 60_000)
