import type { Identifier } from '@halfsecond/protocol'
import type { RowsWriter } from '../../src/runtime/rows.ts'

/** Writes any bytes as the row of a fragment. */
export function putFragment(rows: RowsWriter, identifier: Identifier, row: Uint8Array): void {
  const at = rows.begin(identifier, row.length)
  rows.bytes.set(row, at)
}
