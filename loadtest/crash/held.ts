import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFields } from '@halfsecond/protocol'
import { replayLog } from '../chaos/log-replay.ts'
import type { Cluster } from '../lib/cluster.ts'

/** What a node holds of numbered events, against what each visitor counted. */
export interface Held {
  /** Numbers from 1 to the visitor's greatest that are not there, and events that nobody sent. */
  readonly distinct: number
  readonly doubled: number
  readonly reordered: number
}

/** Reads every profile of `anon:n…` and looks at the numbers of its timeline. */
export async function heldNumbers(adminUrl: string): Promise<Held> {
  const response = await fetch(`${adminUrl}/v1/export`)
  if (!response.ok || response.body === null) throw new Error(`no export: ${response.status}`)
  let distinct = 0
  let doubled = 0
  let reordered = 0
  for await (const line of createInterface({ input: Readable.from(response.body) })) {
    const numbers = numbersIn(JSON.parse(line))
    const seen = new Set<number>()
    let last = 0
    for (const number of numbers) {
      if (seen.has(number)) doubled++
      else if (number < last) reordered++
      seen.add(number)
      last = Math.max(last, number)
    }
    distinct += seen.size
  }
  return { distinct, doubled, reordered }
}

function numbersIn(profile: unknown): number[] {
  const timeline = isFields(profile) ? profile.timeline : undefined
  if (!Array.isArray(timeline)) return []
  return timeline.flatMap((entry: unknown) => {
    const properties = isFields(entry) && entry.kind === 'numbered' ? entry.properties : undefined
    return isFields(properties) ? [Number(properties.number)] : []
  })
}

/** Shards that the running node does not hold as a bare fold of the whole log gives them. */
export async function digestsThatDiffer(cluster: Cluster): Promise<number> {
  const running = await settledDigests(cluster.adminUrl)
  const { shards } = await replayLog(cluster.nats.url, running.length)
  return running.filter((digest, shard) => digest !== shards[shard]?.digest).length
}

/** The digests by shard, once no new ones come. */
async function settledDigests(adminUrl: string): Promise<string[]> {
  let before: string[] = []
  for (let attempt = 0; attempt < 100; attempt++) {
    const now = await digests(adminUrl)
    if (before.length > 0 && now.join() === before.join()) return now
    before = now
    await sleep(500)
  }
  throw new Error('the digests go on changing although nobody writes')
}

async function digests(adminUrl: string): Promise<string[]> {
  const response = await fetch(`${adminUrl}/v1/status`)
  const status: unknown = await response.json()
  const replicas = isFields(status) ? status.replicas : undefined
  if (!Array.isArray(replicas)) throw new Error('no replicas in the status')
  const digests: string[] = []
  for (const one of replicas.filter(isFields)) digests[Number(one.shard)] = String(one.digest)
  return digests
}
