import type { HalfsecondError, Identifier, Position } from '@halfsecond/protocol'
import { ignorable } from './ignorable.ts'

const noBytes = new Uint8Array(0)

/**
 * One record on its way to the log, and its caller's promise. One object per record and no
 * closures besides the promise's own: a channel server makes a hundred thousand of them a second.
 */
export class SentRecord {
  readonly key: Identifier
  /** Emptied once its fate is known. */
  bytes: Uint8Array
  /** Size that counts against the queue. */
  readonly size: number
  /** When it was made, by the clock that never jumps. */
  readonly madeAt = performance.now()
  shard = 0
  producer = ''
  /** Number per producer and shard. */
  n = 0
  fate: 'pending' | 'acknowledged' | 'failed' = 'pending'
  /** Where it is in the log, once acknowledged. */
  position: Position | undefined
  /** The record of the same key before it, while that one matters. */
  previous: SentRecord | undefined
  readonly promise: Promise<Position>
  private resolve: (position: Position) => void = ignore
  private reject: (error: HalfsecondError) => void = ignore

  constructor(key: Identifier, bytes: Uint8Array) {
    this.key = key
    this.bytes = bytes
    this.size = bytes.length
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  acknowledge(position: Position): void {
    this.fate = 'acknowledged'
    this.position = position
    this.previous = undefined
    this.bytes = noBytes
    this.resolve(position)
  }

  /** The caller may ignore the promise: then the failure is only counted. */
  fail(error: HalfsecondError): void {
    this.fate = 'failed'
    this.bytes = noBytes
    void ignorable(this.promise)
    this.reject(error)
  }
}

function ignore(): void {}
