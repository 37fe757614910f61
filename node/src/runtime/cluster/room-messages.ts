import { decode, encode, isFields } from '@halfsecond/protocol'
import type { LogRoom } from './trimmer.ts'

/* What nodes tell each other of how full the logs are that they lead. */

const limits = { frameBytes: 64 * 1024, depth: 4, elementsPerItem: 2_048 }

export const roomsRequest = encode({ op: 'rooms' })

export function encodeRooms(rooms: ReadonlyMap<number, LogRoom>): Uint8Array {
  return encode({
    rooms: Array.from(rooms, ([shard, { bytes, bytesMax, hoursUntilFull }]) => [
      shard,
      bytes,
      bytesMax,
      hoursUntilFull ?? null,
    ]),
  })
}

/** What has another form is left out. @throws HalfsecondError `MALFORMED` */
export function readRooms(answer: Uint8Array): ReadonlyMap<number, LogRoom> {
  const value = decode(answer, limits)
  const rooms = new Map<number, LogRoom>()
  for (const one of isFields(value) && Array.isArray(value.rooms) ? value.rooms : []) {
    const [shard, bytes, bytesMax, hours]: unknown[] = Array.isArray(one) ? one : []
    if (typeof shard !== 'number' || typeof bytes !== 'number' || typeof bytesMax !== 'number')
      continue
    const hoursUntilFull = typeof hours === 'number' ? hours : undefined
    rooms.set(shard, { bytes, bytesMax, hoursUntilFull })
  }
  return rooms
}
