import { HalfsecondError } from '@halfsecond/protocol'
import { frameEnd } from './joined.ts'

/**
 * Cuts bytes that come in pieces between frames, as those of `joined.ts`, without looking into them:
 * what comes out has whole frames, about `batchBytes` of them.
 */
export class WholeFrames {
  /** Frames that came, at most so many as are wanted. */
  count = 0
  private readonly batchBytes: number
  private readonly max: number
  private pieces: Uint8Array[] = []
  private bytes = 0

  /** @param max frames that are wanted; the others are left out */
  constructor(batchBytes: number, max: number) {
    this.batchBytes = batchBytes
    this.max = max
  }

  get isFull(): boolean {
    return this.count >= this.max
  }

  /** @throws HalfsecondError `MALFORMED` */
  take(piece: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    this.pieces.push(piece)
    this.bytes += piece.length
    return this.bytes < this.batchBytes || this.isFull ? undefined : this.cut().whole
  }

  /**
   * The last frames.
   * @throws HalfsecondError `MALFORMED` where the bytes end in the middle of one
   */
  end(): Uint8Array<ArrayBuffer> | undefined {
    if (this.isFull) return undefined
    const { whole, rest } = this.cut()
    if (rest > 0 && !this.isFull)
      throw new HalfsecondError('MALFORMED', 'the decisions end in the middle of one')
    return whole
  }

  private cut(): { readonly whole: Uint8Array<ArrayBuffer> | undefined; readonly rest: number } {
    const bytes = new Uint8Array(this.bytes)
    let at = 0
    for (const piece of this.pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    const end = this.endOfFrames(bytes)
    const rest = bytes.slice(end)
    this.pieces = rest.length === 0 ? [] : [rest]
    this.bytes = rest.length
    return { whole: end === 0 ? undefined : bytes.slice(0, end), rest: rest.length }
  }

  private endOfFrames(bytes: Uint8Array<ArrayBuffer>): number {
    const view = new DataView(bytes.buffer)
    let end = 0
    while (!this.isFull) {
      const next = frameEnd(view, end)
      if (next === undefined) break
      end = next
      this.count++
    }
    return end
  }
}
