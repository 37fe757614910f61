import {
  type ChannelRecord,
  type DecodedBatch,
  decodeBatch,
  HalfsecondError,
  isChannelRecord,
  isFields,
  isPrimaryOwnRecord,
  type Namespaces,
  type PrimaryOwnRecord,
  recordFault,
  shardOf,
  sizeFault,
} from '@halfsecond/protocol'
import { assert } from '../assert.ts'
import { hash64Hex } from '../digest.ts'
import { evolve } from '../fragment/evolve.ts'
import { foldVersion, type LogEntry, type ShardGround, type ShardState } from './shard-state.ts'

/** What one entry did, for counting. */
export interface Folded {
  /** Records that changed something. */
  applied: number
  /** Records that were seen before or overtaken. */
  skipped: number
  /** Records that went to the dead letters. */
  rejected: number
}

/**
 * Folds one log entry into the shard. The log is trusted to be in order and without gaps; what is
 * in it is not trusted at all.
 *
 * F1 `applied` moves by exactly one entry, whatever the entry holds.
 * F2 a record whose number is not above its producer's last changes nothing.
 * F3 a record that no rule accepts is kept whole in the dead letters.
 * F4 own records count only from the nodes' subject, channel records only from the channels'.
 *
 * @throws AssertionError when the program or the log is wrong: the caller must stop this replica
 */
export function foldEntry(
  state: ShardState,
  entry: LogEntry,
  namespaces: Namespaces,
  ground: ShardGround,
): Folded {
  assert(entry.sequence === state.applied + 1, `entry ${entry.sequence} follows ${state.applied}`)
  const folded: Folded = { applied: 0, skipped: 0, rejected: 0 }
  const batch = readBatch(entry, ground)
  if (batch === undefined) folded.rejected++
  else if (entry.own) foldOwn(state, entry, batch, ground)
  else foldBatch(state, entry, batch, namespaces, ground, folded)
  state.applied = entry.sequence
  state.fingerprint = fingerprintOf(entry)
  return folded
}

/** Tells whether a log still holds the entry that a replica applied last. */
export function fingerprintOf(entry: Pick<LogEntry, 'bytes' | 'timestamp'>): string {
  return `${hash64Hex(entry.bytes)}.${entry.timestamp}`
}

function readBatch(entry: LogEntry, ground: ShardGround): DecodedBatch | undefined {
  try {
    return decodeBatch(entry.bytes)
  } catch (error) {
    if (!(error instanceof HalfsecondError)) throw error
    assert(!entry.own, `own entry ${entry.sequence} cannot be read: ${error.message}`)
    const reason = `${error.code}: ${error.message}`
    ground.deadLetter({ sequence: entry.sequence, index: -1, reason, bytes: copyOf(entry.bytes) })
    return undefined
  }
}

function foldBatch(
  state: ShardState,
  entry: LogEntry,
  batch: DecodedBatch,
  namespaces: Namespaces,
  ground: ShardGround,
  folded: Folded,
): void {
  const { producer, records, spans } = batch
  let last = state.producers.last(producer, state.time.now)
  let number = batch.n - 1
  for (let index = 0; index < records.length; index++) {
    const record = records[index]
    number = numberOf(record, number)
    if (number <= last) {
      folded.skipped++
      continue
    }
    last = number
    const start = spans.starts[index] ?? 0
    const end = spans.ends[index] ?? 0
    if (!isFoldable(record, namespaces) || !isHome(record, state) || sizeFault(batch, index)) {
      const reason = foldFault(record, index, batch, namespaces)
      const bytes = copyOf(entry.bytes.subarray(start, end))
      ground.deadLetter({ sequence: entry.sequence, index, reason, bytes })
      folded.rejected++
      continue
    }
    const fragment = ground.activate(record.key)
    const { sequence, timestamp, bytes } = entry
    if (evolve(fragment, record, { sequence, index, timestamp, bytes, start, end }, ground)) {
      ground.changed(fragment)
      folded.applied++
    } else {
      folded.skipped++
    }
  }
  if (last > state.producers.last(producer, state.time.now)) {
    state.producers.set(producer, last, state.time.now)
    ground.producerChanged(producer)
  }
}

/** An entry's bytes are valid only now; `slice` of Node's own arrays would not copy them. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** A record's number: the predecessor's plus one, or its own where that is greater. */
export function numberOf(record: unknown, previous: number): number {
  const own = isFields(record) ? record.n : undefined
  return typeof own === 'number' && Number.isSafeInteger(own) && own > previous ? own : previous + 1
}

type Foldable = Exclude<ChannelRecord, { kind: 'erase' }>

function isFoldable(record: unknown, namespaces: Namespaces): record is Foldable {
  return isChannelRecord(record, namespaces) && record.kind !== 'erase'
}

function isHome(record: Foldable, state: ShardState): boolean {
  return shardOf(record.key, state.shards) === state.shard
}

function foldFault(
  record: unknown,
  index: number,
  batch: DecodedBatch,
  namespaces: Namespaces,
): string {
  const size = sizeFault(batch, index)
  if (size !== undefined) return `TOO_LARGE: ${size}`
  const fault = recordFault(record, namespaces)
  if (fault !== undefined) return `INVALID: ${fault}`
  if (isFields(record) && record.kind === 'erase')
    return 'INVALID: erase is not supported by this version'
  return 'INVALID: its key lives on another shard'
}

function foldOwn(
  state: ShardState,
  entry: LogEntry,
  batch: DecodedBatch,
  ground: ShardGround,
): void {
  for (const record of batch.records) {
    assert(
      isPrimaryOwnRecord(record),
      `own entry ${entry.sequence} has a kind that this version does not know`,
    )
    if (record.epoch >= state.epoch) applyOwn(state, record, entry, ground)
  }
}

function applyOwn(
  state: ShardState,
  record: PrimaryOwnRecord,
  entry: LogEntry,
  ground: ShardGround,
): void {
  switch (record.kind) {
    case 'primary':
      state.epoch = record.epoch
      return
    case 'tick':
      state.time.tick(record.wall, entry.timestamp)
      for (const producer of state.producers.sweep(state.time.now)) ground.producerChanged(producer)
      return
    case 'playbook':
      if (record.version <= state.playbook.version) return
      state.playbook = { version: record.version, hash: record.hash }
      return
    case 'barrier':
      assert(
        record.foldVersion <= foldVersion,
        `entry ${entry.sequence} asks for fold ${record.foldVersion}; this program knows ${foldVersion}`,
      )
      state.foldVersion = Math.max(state.foldVersion, record.foldVersion)
      return
    case 'identity':
    case 'sent':
    case 'expire':
    case 'judge':
      return
  }
}
