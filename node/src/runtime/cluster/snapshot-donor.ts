import { encode, HalfsecondError } from '@halfsecond/protocol'
import { hash64Hex } from '../../core/digest.ts'
import type { Clock, Store, StoreSnapshot, Timer } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { standOf } from '../shards/shard-rows.ts'
import { frameStoredRows } from '../stored-rows.ts'
import {
  chained,
  encodeFailure,
  type Manifest,
  type Part,
  partBytesMax,
  readRequest,
  type SnapshotRequest,
} from './snapshot-messages.ts'

/** Bytes read at a time: reading, framing and hashing them takes about a millisecond. */
const chunkBytes = 256 * 1024

/** Copies given at a time: each keeps the store from using old pages again. */
const openMax = 2

/** Whoever does not ask for so long has gone. */
const idleMs = 30_000

/** A copy that takes longer is given up: the file would grow by all that is written meanwhile. */
const heldMs = 600_000

export interface DonorDependencies {
  readonly store: Store
  readonly shard: (number: number) => Pick<Shard, 'status'> | undefined
  readonly clock: Clock
}

interface Chunk extends Omit<Part, 'bytes' | 'size'> {
  readonly number: number
  readonly bytes: Uint8Array
  /** Key of its last row. */
  readonly end: Uint8Array | undefined
}

interface Gift {
  readonly id: string
  readonly shard: number
  readonly snapshot: StoreSnapshot
  readonly endsAt: number
  /** The chunk that was asked for last. */
  chunk: Chunk | undefined
  timer: Timer | undefined
}

/**
 * Gives copies of this node's shards to other nodes: what one read transaction of the store sees.
 *
 * D1 only a shard that follows its log is copied, to the end of the copy.
 * D2 a copy that nobody fetches is dropped.
 */
export class SnapshotDonor {
  private readonly uses: DonorDependencies
  private readonly gifts = new Map<string, Gift>()
  private count = 0

  constructor(uses: DonorDependencies) {
    this.uses = uses
  }

  /** Never throws: failures are answers. */
  answer(request: Uint8Array): Uint8Array {
    try {
      return encode(this.take(readRequest(request)))
    } catch (error) {
      return encodeFailure(error)
    }
  }

  /** Drops all copies; whoever fetches one asks another node. */
  close(): void {
    for (const gift of this.gifts.values()) this.drop(gift)
  }

  private take(request: SnapshotRequest): Manifest | Part | { readonly ended: boolean } {
    switch (request.op) {
      case 'snapshot':
        return this.begin(request.shard)
      case 'snapshot.rows':
        return this.part(request.id, request.chunk, request.from)
      case 'snapshot.end': {
        const gift = this.gifts.get(request.id)
        if (gift) this.drop(gift)
        return { ended: gift !== undefined }
      }
    }
  }

  private begin(shard: number): Manifest {
    const { clock, store } = this.uses
    this.check(shard)
    if (this.gifts.size >= openMax)
      throw new HalfsecondError('OVERLOADED', `this node gives ${openMax} copies already`)
    const snapshot = store.shard(shard).snapshot()
    if (snapshot.meta === undefined) {
      snapshot.close()
      throw new HalfsecondError(
        'UNAVAILABLE',
        `nothing of shard ${shard} is on this node's disk yet`,
      )
    }
    // The time tells ids from those of this node's former lives.
    const id = `${shard}-${clock.now()}-${++this.count}`
    const endsAt = clock.monotonic() + heldMs
    const gift: Gift = { id, shard, snapshot, endsAt, chunk: undefined, timer: undefined }
    this.gifts.set(id, gift)
    this.keep(gift)
    return { id, ...standOf(snapshot.meta.value) }
  }

  private part(id: string, number: number, from: number): Part {
    const gift = this.gifts.get(id)
    if (gift === undefined)
      throw new HalfsecondError('UNAVAILABLE', 'this node does not give that copy any more')
    try {
      this.check(gift.shard)
    } catch (error) {
      this.drop(gift)
      throw error
    }
    this.keep(gift)
    const { bytes, hash, isLast, rows, digest } = this.chunk(gift, number)
    const part = bytes.subarray(from, from + partBytesMax)
    return { bytes: part, size: bytes.length, hash, isLast, rows, digest }
  }

  private chunk(gift: Gift, number: number): Chunk {
    const { chunk } = gift
    if (chunk?.number === number) return chunk
    if (number !== (chunk ? chunk.number + 1 : 0) || chunk?.isLast)
      throw new HalfsecondError('INVALID', `chunk ${number} is not the next one`)
    const next = read(gift.snapshot, number, chunk)
    gift.chunk = next
    return next
  }

  private check(shard: number): void {
    if (this.uses.shard(shard)?.status !== 'following')
      throw new HalfsecondError(
        'UNAVAILABLE',
        `shard ${shard} does not follow its log on this node`,
      )
  }

  private keep(gift: Gift): void {
    const { clock } = this.uses
    gift.timer?.cancel()
    const left = Math.max(0, gift.endsAt - clock.monotonic())
    gift.timer = clock.after(Math.min(idleMs, left), () => this.drop(gift))
  }

  private drop(gift: Gift): void {
    gift.timer?.cancel()
    gift.snapshot.close()
    this.gifts.delete(gift.id)
  }
}

function read(snapshot: StoreSnapshot, number: number, before: Chunk | undefined): Chunk {
  const others = snapshot.rows(before?.end, chunkBytes)
  const isLast = others.length === 0
  const rows = isLast && snapshot.meta ? [snapshot.meta] : others
  const bytes = frameStoredRows(rows)
  const hash = hash64Hex(bytes)
  return {
    number,
    bytes,
    end: rows.at(-1)?.key,
    hash,
    isLast,
    rows: (before?.rows ?? 0) + rows.length,
    digest: chained(before?.digest ?? '', hash),
  }
}
