import type { Transport } from '@halfsecond/client/transport'
import {
  bounds,
  decode,
  encode,
  HalfsecondError,
  parseAnswers,
  type ShardMap,
  wireVersion,
} from '@halfsecond/protocol'

/** One question of a frame waits at most as long as a node does. */
const askMs = 2_000
const pauseMs = 50

/**
 * Waits until the nodes have folded each shard up to a sequence, so that what is asked next shows it.
 * @param reached shard → sequence
 * @returns false if that took longer than `timeoutMs`
 */
export async function awaitFolded(
  transport: Transport,
  map: ShardMap,
  reached: ReadonlyMap<number, number>,
  timeoutMs: number,
): Promise<boolean> {
  const end = performance.now() + timeoutMs
  const left = new Map(reached)
  while (left.size > 0) {
    for (const node of new Set(map.shards.map(({ primary }) => primary))) {
      const shards = [...left.keys()].filter((shard) => map.shards[shard]?.primary === node)
      for (const shard of await askedFolded(transport, map, node, shards, left)) left.delete(shard)
    }
    if (left.size === 0) break
    if (performance.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return true
}

/** Which of these shards a node has folded far enough. */
async function askedFolded(
  transport: Transport,
  map: ShardMap,
  node: string,
  shards: readonly number[],
  reached: ReadonlyMap<number, number>,
): Promise<number[]> {
  const asked = shards.slice(0, bounds.questionsPerFrame)
  const questions = asked.map((shard) => ({
    kind: 'await',
    position: [shard, map.shards[shard]?.incarnation ?? 0, reached.get(shard) ?? 0],
    deadline: bounds.positionWaitMs,
  }))
  if (questions.length === 0) return []
  try {
    const frame = encode({ v: wireVersion, questions })
    const { answers } = parseAnswers(decode(await transport.ask(node, frame, askMs)))
    return asked.filter((_, index) => answers[index]?.kind === 'reached')
  } catch (error) {
    // A node that is away or busy is asked again until the time is over.
    if (error instanceof HalfsecondError) return []
    throw error
  }
}
