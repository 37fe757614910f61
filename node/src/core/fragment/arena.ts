import { assert } from '../assert.ts'

/*
 * Memory for open timeline chunks: blocks cut from large pages, in a few sizes, each size with a
 * free list. One typed array per million visitors' chunks keeps the garbage collector out of it,
 * and a row is written by copying the block as it is.
 */

const pageBytes = 4 * 1024 * 1024

/** Sizes grow by a third to a half, so at most a third of a block lies idle. */
const sizes: readonly number[] = [
  128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384, 24_576,
  32_768, 49_152, 65_536,
]

/** The largest block; an open chunk never needs more. */
export const blockBytesMax = 65_536

export interface Page {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** The same memory in words: blocks and their sizes are multiples of a word. */
  readonly words: Int32Array
}

/** Where a block is: page number × page size + offset. */
export type Block = number

export class Arena {
  private readonly pages: Page[] = []
  private readonly free: Block[][] = sizes.map(() => [])
  private bump = pageBytes
  private used = 0

  /** Bytes of all blocks that are held. */
  get usedBytes(): number {
    return this.used
  }

  /** Bytes taken from the system; they are kept for reuse. */
  get pageBytes(): number {
    return this.pages.length * pageBytes
  }

  /** The size of the block that `allocate(bytes)` returns. */
  static capacityFor(bytes: number): number {
    return sizes[sizeIndex(bytes)] ?? blockBytesMax
  }

  allocate(bytes: number): Block {
    const index = sizeIndex(bytes)
    const size = sizes[index] ?? blockBytesMax
    this.used += size
    const reused = this.free[index]?.pop()
    if (reused !== undefined) return reused
    if (this.bump + size > pageBytes) this.addPage()
    const block = (this.pages.length - 1) * pageBytes + this.bump
    this.bump += size
    return block
  }

  release(block: Block, capacity: number): void {
    const index = sizeIndex(capacity)
    assert(sizes[index] === capacity, 'a block is released with the capacity it was allocated with')
    this.used -= capacity
    this.free[index]?.push(block)
  }

  page(block: Block): Page {
    const page = this.pages[Math.floor(block / pageBytes)]
    assert(page !== undefined, 'no such block')
    return page
  }

  offset(block: Block): number {
    return block % pageBytes
  }

  /** What is left of the page before becomes blocks of the sizes that still fit. */
  private addPage(): void {
    for (let index = sizes.length - 1; index >= 0; index--) {
      const size = sizes[index] ?? pageBytes
      while (this.bump + size <= pageBytes) {
        this.free[index]?.push((this.pages.length - 1) * pageBytes + this.bump)
        this.bump += size
      }
    }
    // Shared memory is not counted against the heap: a page would else bring the next major
    // collection nearer, though there is nothing in it to collect.
    const bytes = new Uint8Array(new SharedArrayBuffer(pageBytes))
    this.pages.push({
      bytes,
      view: new DataView(bytes.buffer),
      words: new Int32Array(bytes.buffer),
    })
    this.bump = 0
  }
}

function sizeIndex(bytes: number): number {
  let index = 0
  while ((sizes[index] ?? Number.POSITIVE_INFINITY) < bytes) index++
  assert(index < sizes.length, 'a block of this size is never needed')
  return index
}
