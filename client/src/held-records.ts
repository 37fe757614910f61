import { HalfsecondError } from '@halfsecond/protocol'
import { giveUpMs } from './publisher.ts'
import type { SentRecord } from './sent-record.ts'

/** Records that have no queue yet, because no node told how many shards there are. In order. */
export class HeldRecords {
  private records: SentRecord[] = []
  private timer: NodeJS.Timeout | undefined
  private readonly failed: (records: readonly SentRecord[], error: HalfsecondError) => void

  /** @param failed told of records that were given up, after they were failed */
  constructor(failed: (records: readonly SentRecord[], error: HalfsecondError) => void) {
    this.failed = failed
  }

  add(record: SentRecord): void {
    this.records.push(record)
    this.timer ??= setTimeout(() => this.giveUp(), giveUpMs)
  }

  /** Everything held, which then no longer is. */
  take(): readonly SentRecord[] {
    const { records } = this
    this.records = []
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.timer = undefined
    return records
  }

  fail(error: HalfsecondError): void {
    this.failAll(this.take(), error)
  }

  private giveUp(): void {
    const now = performance.now()
    const isLate = (record: SentRecord) => now - record.madeAt >= giveUpMs - 1
    const all = this.take()
    const error = new HalfsecondError('TIMEOUT', 'no node answered for an hour: not stored')
    this.failAll(all.filter(isLate), error)
    const [first, ...others] = all.filter((record) => !isLate(record))
    if (first === undefined) return
    this.records = [first, ...others]
    this.timer = setTimeout(() => this.giveUp(), first.madeAt + giveUpMs - now)
  }

  private failAll(records: readonly SentRecord[], error: HalfsecondError): void {
    for (const record of records) record.fail(error)
    if (records.length > 0) this.failed(records, error)
  }
}
