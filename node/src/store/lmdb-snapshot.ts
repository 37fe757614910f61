import { HalfsecondError } from '@halfsecond/protocol'
import type { StoredRow, StoreSnapshot } from '../runtime/ports.ts'
import { CopiedRows } from './copied-rows.ts'
import type { Rowset } from './environment.ts'
import { keyBytes, metaKey } from './keys.ts'

/** All rows of a shard as one read transaction sees them. */
export class LmdbSnapshot implements StoreSnapshot {
  readonly meta: StoredRow | undefined
  private readonly store: Rowset
  private readonly transaction: ReturnType<Rowset['useReadTransaction']>
  private readonly onClose: () => void
  private readonly copied = new CopiedRows()
  private isClosed = false

  /** @param onClose called once, when the transaction is given back */
  constructor(store: Rowset, onClose: () => void) {
    this.store = store
    this.onClose = onClose
    this.transaction = store.useReadTransaction()
    const value = store.get(metaKey, { transaction: this.transaction })
    this.meta = value && { key: Buffer.from(metaKey), value: Buffer.from(value) }
  }

  rows(after: Uint8Array | undefined, bytes: number): readonly StoredRow[] {
    if (this.isClosed) throw new HalfsecondError('UNAVAILABLE', 'the snapshot is closed')
    const { transaction } = this
    const start = after === undefined ? Buffer.alloc(keyBytes) : Buffer.from(after)
    const range = { start, exclusiveStart: after !== undefined, transaction }
    const rows: StoredRow[] = []
    let size = 0
    for (const row of this.copied.of(this.store, range)) {
      if (metaKey.equals(row.key)) continue
      rows.push(row)
      size += row.key.length + row.value.length
      if (size >= bytes) break
    }
    return rows
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.transaction.done()
    this.onClose()
  }
}
