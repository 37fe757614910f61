import { decodeText } from './decode-text.ts'

/** A line above this is not a line of any log or feed; it is refused instead of held in memory. */
export const lineBytesMax = 1024 * 1024

/** How much of a line that is too long is kept to recognise it by. */
const keptBytes = 1024

export interface Line {
  /** Counts from 1. */
  readonly number: number
  readonly text: string
  /** False for the beginning of a line that is too long. */
  readonly isWhole: boolean
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** Cuts bytes into lines at LF, CR LF or CR, whatever the borders of the chunks they come in. */
export class LineSplitter {
  private count = 0
  private held: Buffer[] = []
  private heldBytes = 0
  /** The last byte was a CR, so that an LF now belongs to it. */
  private isAfterReturn = false

  /** The lines that end in this chunk. */
  push(chunk: Buffer): Line[] {
    const lines: Line[] = []
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (byte === lineFeed && this.isAfterReturn) {
        this.isAfterReturn = false
        start = at + 1
        continue
      }
      this.isAfterReturn = byte === carriageReturn
      if (byte !== lineFeed && byte !== carriageReturn) continue
      lines.push(this.take(chunk.subarray(start, at)))
      start = at + 1
    }
    if (start < chunk.length) this.hold(chunk.subarray(start))
    return lines
  }

  /** The line that the end of the file ends, if there is one. */
  end(): Line[] {
    return this.heldBytes === 0 ? [] : [this.take(Buffer.alloc(0))]
  }

  private hold(part: Buffer): void {
    // Past the bound only the length counts.
    if (this.heldBytes <= lineBytesMax) this.held.push(part)
    this.heldBytes += part.length
  }

  private take(last: Buffer): Line {
    const bytes = this.held.length === 0 ? last : Buffer.concat([...this.held, last])
    const isWhole = this.heldBytes + last.length <= lineBytesMax
    this.held = []
    this.heldBytes = 0
    const text = decodeText(isWhole ? bytes : bytes.subarray(0, keptBytes))
    return { number: ++this.count, text, isWhole }
  }
}
