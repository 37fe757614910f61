import { fromBase64url, toBase64url } from './base64url.ts'
import { bounds } from './bounds.ts'
import { decode, encode } from './codec.ts'
import { HalfsecondError } from './errors.ts'

/**
 * A place in a shard's log: "everything up to here". `sequence` is the stream's number of a batch;
 * `incarnation` tells a re-created stream from the one before it.
 */
export interface Position {
  readonly shard: number
  readonly incarnation: number
  readonly sequence: number
}

/** On the wire: `[shard, incarnation, sequence]`. */
export type WirePosition = readonly [shard: number, incarnation: number, sequence: number]

export function toWire(position: Position): WirePosition {
  return [position.shard, position.incarnation, position.sequence]
}

export function isWirePosition(value: unknown): value is WirePosition {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    isUint(value[0], bounds.shards - 1) &&
    isUint(value[1], 0xffffffff) &&
    isUint(value[2], Number.MAX_SAFE_INTEGER)
  )
}

export function isUint(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
}

const prefix = 'hs1.'

/** Text of a visitor's positions, to hand to another server: `hs1.` + base64url of MessagePack. */
export function exportPositions(positions: readonly Position[]): string {
  return prefix + toBase64url(encode(positions.map(toWire)))
}

/** @throws HalfsecondError `MALFORMED` when `text` was not made by `exportPositions`. */
export function importPositions(text: string): Position[] {
  if (!text.startsWith(prefix) || text.length > 256) {
    throw new HalfsecondError(
      'MALFORMED',
      'a position is text that visitor.position gave, like hs1.kZMC…',
    )
  }
  const wire = decode(fromBase64url(text.slice(prefix.length)))
  if (
    !Array.isArray(wire) ||
    wire.length > bounds.positionsPerVisitor ||
    !wire.every(isWirePosition)
  ) {
    throw new HalfsecondError(
      'MALFORMED',
      'a position holds at most 4 of [shard, incarnation, sequence]',
    )
  }
  return wire.map(([shard, incarnation, sequence]) => ({ shard, incarnation, sequence }))
}
