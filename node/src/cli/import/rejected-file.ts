import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { HalfsecondError } from '@halfsecond/protocol'
import { drained } from '../print.ts'

/** Longer lines are kept by their beginning: it is enough to find them in the file. */
const textMax = 4 * 1024

/** The lines that were not imported, one JSON object a line: `{line, reason, text}`. */
export class RejectedFile {
  readonly path: string
  count = 0
  private file: WriteStream | undefined
  private failure: Error | undefined

  /** Nothing is written before the first line is added. */
  constructor(path: string) {
    this.path = path
  }

  add(line: number, reason: string, text: string): void {
    this.count++
    this.file ??= this.open()
    this.file.write(`${JSON.stringify({ line, reason, text: text.slice(0, textMax) })}\n`)
  }

  /** Waits while much is unwritten. @throws HalfsecondError `UNAVAILABLE` if it cannot be written */
  async flushed(): Promise<void> {
    if (this.file?.writableNeedDrain && !this.failure) {
      await drained(this.file)
    }
    this.check()
  }

  async close(): Promise<void> {
    if (this.file !== undefined && !this.file.destroyed) {
      this.file.end()
      await once(this.file, 'close')
    }
    this.check()
  }

  private open(): WriteStream {
    const file = createWriteStream(this.path)
    file.on('error', (error) => {
      this.failure = error
    })
    return file
  }

  private check(): void {
    if (this.failure === undefined) return
    const why = `cannot write rejected lines to ${this.path}: ${this.failure.message}; name another file with --rejected`
    throw new HalfsecondError('INVALID', why, { cause: this.failure })
  }
}
