import { decodeTrusted, encode } from '@halfsecond/protocol'
import { assert } from '../../core/assert.ts'
import { Digest } from '../../core/digest.ts'
import { rulesOf } from '../../core/identity/rules.ts'
import { Statistics } from '../../core/learning/statistics.ts'
import { LogicalTime } from '../../core/shard/logical-time.ts'
import { Outbox, restoreOutboxRow } from '../../core/shard/outbox.ts'
import { type Producer, Producers } from '../../core/shard/producers.ts'
import {
  type ActiveIdentity,
  builtInIdentity,
  type DeadLetter,
  foldVersion,
  initialShardState,
  type ShardState,
} from '../../core/shard/shard-state.ts'
import type { ShardStore } from '../ports.ts'

/*
 * Rows of a shard besides those of its fragments. Each is MessagePack and begins with a version.
 */
const rowVersion = 1

export function encodeMeta(state: ShardState, deadLetters: number): Uint8Array {
  return encode([
    rowVersion,
    state.shards,
    state.incarnation,
    state.applied,
    state.fingerprint,
    state.epoch,
    state.playbook.version,
    state.playbook.hash,
    state.time.stored(),
    state.digest.toString(),
    state.foldVersion,
    deadLetters,
    [state.identity.version, state.identity.text],
    state.outbox.numbers(),
  ])
}

export interface Recovered {
  readonly state: ShardState
  /** Dead letters written so far. */
  readonly deadLetters: number
  /** Whether the store held nothing at all. */
  readonly wasEmpty: boolean
}

/**
 * What the store holds of a shard; the initial state where it holds nothing.
 * @throws AssertionError if the rows are of another cluster or of a version that we cannot read
 */
export function recoverShard(
  store: Pick<ShardStore, 'meta' | 'producers' | 'outbox' | 'statistics'>,
  shard: number,
  shards: number,
  incarnation: number,
): Recovered {
  const row = store.meta()
  if (row === undefined)
    return {
      state: initialShardState(shard, shards, incarnation),
      deadLetters: 0,
      wasEmpty: true,
    }
  const values = decodeTrusted(row)
  assert(Array.isArray(values) && values[0] === rowVersion, 'a meta row of this version')
  const [
    ,
    storedShards,
    storedIncarnation,
    applied,
    fingerprint,
    epoch,
    version,
    hash,
    time,
    digest,
    fold,
    letters,
    identity,
    outbox,
  ]: unknown[] = values
  assert(
    storedShards === shards,
    `the store was made for ${String(storedShards)} shards, the log has ${shards}`,
  )
  assert(
    typeof fold === 'number' && fold <= foldVersion,
    `the store was folded by version ${String(fold)}; this program knows ${foldVersion}`,
  )
  assert(
    typeof storedIncarnation === 'number' &&
      typeof applied === 'number' &&
      typeof fingerprint === 'string' &&
      typeof epoch === 'number' &&
      typeof version === 'number' &&
      typeof hash === 'string' &&
      typeof digest === 'string' &&
      typeof letters === 'number' &&
      Array.isArray(time),
    'a meta row that is whole',
  )
  const [now, held]: unknown[] = time
  assert(typeof now === 'number' && typeof held === 'number', 'a meta row that is whole')
  const state: ShardState = {
    shard,
    shards,
    incarnation: storedIncarnation,
    applied,
    fingerprint,
    epoch,
    playbook: { version, hash },
    identity: restoreIdentity(identity),
    outbox: Outbox.restore(outboxNumbers(outbox), Array.from(store.outbox(), restoreOutboxRow)),
    foldVersion: fold,
    time: new LogicalTime(now, held),
    producers: new Producers(Array.from(store.producers(), decodeProducer)),
    statistics: Statistics.restore(store.statistics()),
    digest: Digest.from(digest),
  }
  return { state, deadLetters: letters, wasEmpty: false }
}

/** Rows of an earlier version have none. */
function restoreIdentity(stored: unknown): ActiveIdentity {
  if (!Array.isArray(stored)) return builtInIdentity
  const [version, text]: unknown[] = stored
  assert(typeof version === 'number' && typeof text === 'string', 'a meta row that is whole')
  return version === 0 ? builtInIdentity : { version, text, rules: rulesOf(text, version) }
}

function outboxNumbers(stored: unknown): [number, number][] {
  if (!Array.isArray(stored)) return []
  return stored.map((pair: unknown) => {
    const [destination, last]: unknown[] = Array.isArray(pair) ? pair : []
    assert(typeof destination === 'number' && typeof last === 'number', 'a meta row that is whole')
    return [destination, last]
  })
}

/** Where a meta row stands in the log, and the rules that its shard is folded by. */
export function standOf(meta: Uint8Array): {
  readonly applied: number
  readonly foldVersion: number
} {
  const values = decodeTrusted(meta)
  assert(Array.isArray(values) && values[0] === rowVersion, 'a meta row of this version')
  const { 3: applied, 10: version }: unknown[] = values
  assert(typeof applied === 'number' && typeof version === 'number', 'a meta row that is whole')
  return { applied, foldVersion: version }
}

export function encodeProducer(producer: string, { n, at }: Producer): Uint8Array {
  return encode([rowVersion, producer, n, at])
}

function decodeProducer(row: Uint8Array): [string, Producer] {
  const values = decodeTrusted(row)
  assert(Array.isArray(values) && values[0] === rowVersion, 'a producer row of this version')
  const [, producer, n, at]: unknown[] = values
  assert(
    typeof producer === 'string' && typeof n === 'number' && typeof at === 'number',
    'a producer row that is whole',
  )
  return [producer, { n, at }]
}

export function encodeDeadLetter(letter: DeadLetter): Uint8Array {
  return encode([rowVersion, letter.sequence, letter.index, letter.reason, letter.bytes])
}

export function decodeDeadLetter(row: Uint8Array): DeadLetter {
  const values = decodeTrusted(row)
  assert(Array.isArray(values) && values[0] === rowVersion, 'a dead letter of this version')
  const [, sequence, index, reason, bytes]: unknown[] = values
  assert(
    typeof sequence === 'number' &&
      typeof index === 'number' &&
      typeof reason === 'string' &&
      bytes instanceof Uint8Array,
    'a dead letter that is whole',
  )
  return { sequence, index, reason, bytes }
}
