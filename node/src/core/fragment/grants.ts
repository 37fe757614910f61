import type { GrantRecord } from '@halfsecond/protocol'
import { decodeEntry, headerBytes } from './entry.ts'
import type { Ground } from './evolve.ts'
import type { Fragment } from './fragment.ts'

/** How the bytes of a grant begin, after the size of the map: its kind is always written first. */
const grantHead: readonly number[] = [
  0xa4, 0x6b, 0x69, 0x6e, 0x64, 0xa5, 0x67, 0x72, 0x61, 0x6e, 0x74,
]

/** Whether the entry that begins here is a grant, without decoding it. */
export function isGrantAt(bytes: Uint8Array, start: number): boolean {
  const first = start + headerBytes + 1
  for (let i = 0; i < grantHead.length; i++) if (bytes[first + i] !== grantHead[i]) return false
  return true
}

/** The grants of a timeline after `since`, newest chunk first. Decodes no other entry. */
export function* grantsAfter(
  { identifier, open, sealed }: Fragment,
  since: number,
  { arena, chunks }: Pick<Ground, 'arena' | 'chunks'>,
): Generator<GrantRecord> {
  yield* grantsIn(open.bytes(arena), since)
  if (sealed === null || sealed.grants === 0) return
  for (const { upTo, entries } of sealed.bytesBack(identifier, chunks)) {
    if (upTo <= since) return
    yield* grantsIn(entries, since)
  }
}

function* grantsIn(bytes: Uint8Array, since: number): Generator<GrantRecord> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let start = 0; start < bytes.length; start += view.getUint32(start, true)) {
    if (!isGrantAt(bytes, start) || view.getFloat64(start + 8, true) <= since) continue
    const { record } = decodeEntry(bytes, view, start)
    if (record.kind === 'grant') yield record
  }
}
