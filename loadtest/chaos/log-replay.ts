import { decodeBatch, isFields, subjects } from '@halfsecond/protocol'
import { type JetStreamManager, jetstreamManager, type StoredMsg } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { BareShard } from '../../node/test/support/bare-shard.ts'

const batchEntries = 1_000

/** One shard's log is read within this time. */
const readMaxMs = 60_000

/** What a whole log says, read once from its start to its end. */
export interface LogReplay {
  /** Numbered events that are there, each visitor's counted once. */
  readonly distinct: number
  /** Numbers below a visitor's greatest that are not there. */
  readonly absent: number
  readonly doubled: number
  readonly reordered: number
  /** By shard: the last entry, and the digest of a bare fold up to it. */
  readonly shards: readonly { readonly last: number; readonly digest: string }[]
}

/**
 * Judges a run by the log alone: folds every shard from its first entry, and reads which numbers
 * each visitor's timeline holds. What is not applied for its producer's number is no double.
 */
export async function replayLog(url: string, shards: number): Promise<LogReplay> {
  const connection = await connect({ servers: url.split(','), noAsyncTraces: true })
  try {
    const manager = await jetstreamManager(connection)
    const found = { distinct: 0, absent: 0, doubled: 0, reordered: 0 }
    const folded: { last: number; digest: string }[] = []
    for (let shard = 0; shard < shards; shard++) {
      const { state } = await manager.streams.info(subjects.stream(shard))
      const bare = new BareShard(shard, shards)
      const applied = new Applied()
      if (state.messages > 0) {
        if (state.first_seq !== 1) throw new Error(`the log of shard ${shard} was trimmed`)
        for await (const entry of entriesOf(manager, subjects.stream(shard), state.last_seq)) {
          const own = entry.subject.startsWith('hs.own.')
          bare.take(entry.data, Date.parse(entry.timestamp), own)
          if (!own) applied.take(entry.data)
        }
      }
      for (const visitor of bare.fragments.keys()) {
        const numbers = applied.numbers.get(visitor) ?? []
        applied.numbers.delete(visitor)
        const held = numbersIn(bare.view(visitor))
        if (held.join() !== numbers.join())
          throw new Error(`the fold of ${visitor} differs from its log: ${held} is not ${numbers}`)
        look(numbers, found)
      }
      if (applied.numbers.size > 0)
        throw new Error(`the fold of shard ${shard} lacks ${applied.numbers.size} visitors`)
      folded.push({ last: state.last_seq, digest: bare.digest.toString() })
    }
    return { ...found, shards: folded }
  } finally {
    await connection.close()
  }
}

/** Every entry up to the last, by direct gets: a consumer needs a leader of the servers first. */
export async function* entriesOf(
  manager: JetStreamManager,
  stream: string,
  last: number,
): AsyncGenerator<StoredMsg> {
  const end = performance.now() + readMaxMs
  for (let next = 1; next <= last; ) {
    if (performance.now() > end) throw new Error(`${stream} cannot be read from ${next} on`)
    // Whichever server answers may be behind, and then has fewer.
    const batch = await manager.direct.getBatch(stream, { seq: next, batch: batchEntries })
    for await (const entry of batch) {
      if (entry.seq !== next) throw new Error(`${stream} has no entry ${next}`)
      next++
      yield entry
      if (next > last) return
    }
  }
}

/** A second, simpler reading of a log: which numbers each visitor has once resends are dropped. */
class Applied {
  readonly numbers = new Map<string, number[]>()
  private readonly last = new Map<string, number>()

  take(bytes: Uint8Array): void {
    const { producer, n, records } = decodeBatch(bytes)
    let own = n - 1
    for (const record of records) {
      if (!isFields(record)) continue
      own = typeof record.n === 'number' && record.n > own ? record.n : own + 1
      if (own <= (this.last.get(producer) ?? 0)) continue
      this.last.set(producer, own)
      const { key, name, properties } = record
      if (name !== 'numbered' || typeof key !== 'string' || !isFields(properties)) continue
      const numbers = this.numbers.get(key) ?? []
      numbers.push(Number(properties.number))
      this.numbers.set(key, numbers)
    }
  }
}

function numbersIn(view: ReturnType<BareShard['view']>): number[] {
  return (view?.timeline ?? []).flatMap((entry) => {
    const properties = 'properties' in entry ? entry.properties : undefined
    return isFields(properties) && entry.kind === 'numbered' ? [Number(properties.number)] : []
  })
}

function look(
  numbers: readonly number[],
  found: { distinct: number; absent: number; doubled: number; reordered: number },
): void {
  const seen = new Set<number>()
  let last = 0
  for (const number of numbers) {
    if (seen.has(number)) found.doubled++
    else if (number < last) found.reordered++
    seen.add(number)
    last = Math.max(last, number)
  }
  found.distinct += seen.size
  found.absent += last - seen.size
}
