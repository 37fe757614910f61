import {
  type ChannelRecord,
  type DecodedBatch,
  decodeBatch,
  type GrantRecord,
  HalfsecondError,
  isChannelRecord,
  isFields,
  isOutboxRecord,
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
import { rulesOf } from '../identity/rules.ts'
import { applyRecord, isPlain } from './apply-record.ts'
import { applyGrant } from './grant.ts'
import { learn } from './learn.ts'
import { outboxPrefix } from './outbox.ts'
import { Recognition } from './recognition.ts'
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
export function foldEntry(state: ShardState, entry: LogEntry, ground: ShardGround): Folded {
  assert(entry.sequence === state.applied + 1, `entry ${entry.sequence} follows ${state.applied}`)
  const folded: Folded = { applied: 0, skipped: 0, rejected: 0 }
  const batch = readBatch(entry, ground)
  if (batch === undefined) folded.rejected++
  else if (entry.own) foldOwn(state, entry, batch, ground, folded)
  else foldBatch(state, entry, batch, ground, folded)
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
  ground: ShardGround,
  folded: Folded,
): void {
  const { namespaces } = state.identity.rules
  let recognition: Recognition | undefined
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
    if (!isChannelRecord(record, namespaces) || !isHome(record, state) || sizeFault(batch, index)) {
      reject(entry, index, start, end, foldFault(record, index, batch, namespaces), ground)
      folded.rejected++
      continue
    }
    const fragment = ground.activate(record.key)
    const { sequence, timestamp, bytes } = entry
    const logged = { sequence, index, timestamp, bytes, start, end }
    if (isPlain(record, fragment)) {
      if (evolve(fragment, record, logged, ground)) {
        ground.changed(fragment)
        if (record.kind === 'outcome') learn(state, fragment, record, logged, ground)
        folded.applied++
      } else {
        folded.skipped++
      }
      continue
    }
    recognition ??= new Recognition(state, entry, ground)
    const applied = applyRecord(fragment, record, logged, recognition)
    if (applied === 'changed') folded.applied++
    else if (applied === 'nothing') folded.skipped++
    else {
      reject(entry, index, start, end, applied.reason, ground)
      folded.rejected++
    }
  }
  recognition?.finish()
  if (last > state.producers.last(producer, state.time.now)) {
    state.producers.set(producer, last, state.time.now)
    ground.producerChanged(producer)
  }
}

function reject(
  { sequence, bytes }: LogEntry,
  index: number,
  start: number,
  end: number,
  reason: string,
  ground: ShardGround,
): void {
  ground.deadLetter({ sequence, index, reason, bytes: copyOf(bytes.subarray(start, end)) })
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

function isHome(record: ChannelRecord, state: ShardState): boolean {
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
  return 'INVALID: its key lives on another shard'
}

function foldOwn(
  state: ShardState,
  entry: LogEntry,
  batch: DecodedBatch,
  ground: ShardGround,
  folded: Folded,
): void {
  if (batch.producer.startsWith(outboxPrefix)) {
    foldOutbox(state, entry, batch, ground, folded)
    return
  }
  const { records, spans } = batch
  for (let index = 0; index < records.length; index++) {
    const record = records[index]
    assert(isPrimaryOwnRecord(record), unknownKind(entry.sequence))
    if (record.epoch < state.epoch) continue
    if (record.kind !== 'grant') {
      applyOwn(state, record, entry, ground)
      continue
    }
    const start = spans.starts[index] ?? 0
    const end = spans.ends[index] ?? 0
    const { sequence, timestamp, bytes } = entry
    const recognition = new Recognition(state, entry, ground)
    const logged = { sequence, index, timestamp, bytes, start, end }
    if (applyGrant(record, logged, recognition)) folded.applied++
    else folded.skipped++
    recognition.finish()
  }
}

function unknownKind(sequence: number): string {
  return `own entry ${sequence} has a kind that this version does not know`
}

/** What another shard tells: whoever led it then, each number counts once. */
function foldOutbox(
  state: ShardState,
  entry: LogEntry,
  { producer, records }: DecodedBatch,
  ground: ShardGround,
  folded: Folded,
): void {
  const { sequence, timestamp } = entry
  const recognition = new Recognition(state, entry, ground)
  const before = state.producers.last(producer, state.time.now)
  let last = before
  for (let index = 0; index < records.length; index++) {
    const record = records[index]
    assert(isOutboxRecord(record), unknownKind(sequence))
    if (record.n <= last) {
      folded.skipped++
      continue
    }
    last = record.n
    if (recognition.receive(record, sequence, index, timestamp)) folded.applied++
    else folded.skipped++
  }
  recognition.finish()
  if (last === before) return
  state.producers.set(producer, last, state.time.now)
  ground.producerChanged(producer)
}

function applyOwn(
  state: ShardState,
  record: Exclude<PrimaryOwnRecord, GrantRecord>,
  entry: LogEntry,
  ground: ShardGround,
): void {
  switch (record.kind) {
    case 'primary':
      state.epoch = record.epoch
      return
    case 'tick':
      applyTick(state, record.wall, entry.timestamp, ground)
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
      if (record.version <= state.identity.version) return
      state.identity = {
        version: record.version,
        text: record.text,
        rules: rulesOf(record.text, record.version),
      }
      return
    case 'sent':
      state.outbox.sent(record.destination, record.upTo, ground.outboxChanged)
      return
    case 'expire':
    case 'segment':
    case 'judge': {
      const recognition = new Recognition(state, entry, ground)
      if (record.kind === 'judge') recognition.rejudge(record.id)
      else if (record.kind === 'segment') recognition.segment(record)
      else recognition.expire(record.id, record.idleSince, entry.sequence)
      recognition.finish()
      return
    }
  }
}

function applyTick(state: ShardState, wall: number, timestamp: number, ground: ShardGround): void {
  const { time, producers, statistics, digest } = state
  const before = time.now
  time.tick(wall, timestamp)
  for (const producer of producers.sweep(time.now)) ground.producerChanged(producer)
  for (const cell of statistics.sweep(before, time.now, digest)) ground.statisticsChanged(cell)
}
