import { HalfsecondError, printable } from '@halfsecond/protocol'
import type { AdminClient } from './admin-client.ts'
import { type Fields, fieldsOf, listOf, textOf } from './fields.ts'

/** What `/v1/cluster` answers, as far as commands read it. */
export interface ClusterAnswer {
  readonly all: Fields
  readonly nodes: readonly Fields[]
  readonly shards: readonly Fields[]
  readonly redundancy: Fields
  readonly rebalance: Fields
}

export async function getCluster(admin: AdminClient): Promise<ClusterAnswer> {
  return clusterIn(fieldsOf(await admin.get('/v1/cluster')))
}

/** @throws HalfsecondError `MALFORMED` */
export function clusterIn(all: Fields): ClusterAnswer {
  const redundancy = fieldsOf(all.redundancy)
  const rebalance = fieldsOf(all.rebalance)
  return { all, nodes: listOf(all.nodes), shards: listOf(all.shards), redundancy, rebalance }
}

/** @throws HalfsecondError `INVALID` */
export function nodeIn({ nodes }: ClusterAnswer, id: string): Fields {
  const node = nodes.find((one) => one.id === id)
  if (node) return node
  const known = nodes.map((one) => textOf(one.id)).join(', ')
  throw new HalfsecondError('INVALID', `no node "${printable(id)}"; there are ${known}`)
}

/** @throws HalfsecondError `INVALID` */
export function shardIn({ shards }: ClusterAnswer, text: string): Fields {
  const shard = /^\d{1,3}$/.test(text) ? shards[Number(text)] : undefined
  if (shard) return shard
  throw new HalfsecondError('INVALID', `a shard is a number from 0 to ${shards.length - 1}`)
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
