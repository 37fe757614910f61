import { HalfsecondError } from '@halfsecond/protocol'
import type { StoredRow } from './ports.ts'

/*
 * Frame of one row as it is stored, little-endian:
 *   u8 length of the key │ u32 length of the value │ key │ value
 */
const headBytes = 5

/** Frames rows one behind the other, in memory that can be transferred to a thread. */
export function frameStoredRows(rows: readonly StoredRow[]): Uint8Array<ArrayBuffer> {
  const size = rows.reduce((sum, row) => sum + sizeOf(row), 0)
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const { key, value } of rows) {
    view.setUint8(at, key.length)
    view.setUint32(at + 1, value.length, true)
    bytes.set(key, at + headBytes)
    bytes.set(value, at + headBytes + key.length)
    at += headBytes + key.length + value.length
  }
  return bytes
}

/**
 * The rows of a frame, as views into it.
 * @throws HalfsecondError `MALFORMED` where it is not whole
 */
export function readStoredRows(bytes: Uint8Array): StoredRow[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rows: StoredRow[] = []
  for (let at = 0; at < bytes.length; ) {
    const keyAt = at + headBytes
    const valueAt = keyAt + view.getUint8(at)
    if (valueAt > bytes.length) throw truncated(at)
    const end = valueAt + view.getUint32(at + 1, true)
    if (end > bytes.length) throw truncated(at)
    rows.push({ key: bytes.subarray(keyAt, valueAt), value: bytes.subarray(valueAt, end) })
    at = end
  }
  return rows
}

/** What a row takes in a frame. */
export function sizeOf({ key, value }: StoredRow): number {
  return headBytes + key.length + value.length
}

function truncated(at: number): HalfsecondError {
  return new HalfsecondError('MALFORMED', `stored rows that end within a row, at byte ${at}`)
}
