import {
  type ChannelRecord,
  type EventRecord,
  encode,
  encodeBatch,
  type Identifier,
  type OwnRecord,
  type Properties,
  parseIdentifier,
  shardOf,
} from '@halfsecond/protocol'

/** A Friday in May 2015, UTC: when most histories in tests begin. */
export const start = Date.UTC(2015, 4, 15, 10)

/** Visitor number so and so, or of this name. */
export function anon(name: string | number): Identifier {
  return parseIdentifier(`anon:${typeof name === 'number' ? `v${name}` : name}`)
}

/** Identifiers whose home is this shard, `count` of them. */
export function visitorsOf(shard: number, shards: number, count: number): Identifier[] {
  const found: Identifier[] = []
  for (let i = 0; found.length < count; i++) {
    const one = anon(i)
    if (shardOf(one, shards) === shard) found.push(one)
  }
  return found
}

export function event(
  key: Identifier,
  id: string,
  at: number,
  properties: Properties = {},
  name = 'page',
): EventRecord {
  return { kind: 'event', id, key, at, name, properties }
}

/** A batch of a channel: record i has number n + i. */
export function batch(
  producer: string,
  n: number,
  records: readonly (ChannelRecord | { readonly [field: string]: unknown })[],
): Uint8Array {
  return encodeBatch(
    producer,
    n,
    records.map((record) => encode(record)),
  )
}

/** A batch of the node that leads in this epoch. */
export function ownBatch(epoch: number, n: number, record: OwnRecord): Uint8Array {
  return encodeBatch(`primary:${epoch}`, n, [encode(record)])
}
