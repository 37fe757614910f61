import type { Arena } from '../../src/core/fragment/arena.ts'
import type { Fragment } from '../../src/core/fragment/fragment.ts'
import { encodeFragment } from '../../src/core/fragment/fragment-row.ts'

/** The row of one fragment, by itself. */
export function rowOf(fragment: Fragment, arena: Arena): Uint8Array {
  const target = {
    bytes: new Uint8Array(0),
    begin(_identifier: string, size: number): number {
      target.bytes = new Uint8Array(size)
      return 0
    },
  }
  encodeFragment(fragment, arena, target)
  return target.bytes
}
