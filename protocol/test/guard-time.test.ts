import { describe, expect, it } from 'vitest'
import { bounds } from '../src/bounds.ts'
import { HalfsecondError } from '../src/errors.ts'
import { guard } from '../src/guard.ts'
import { thrownBy } from './arbitraries.ts'

/** A list of full items of this value, up to the bytes of a frame. */
function frameOf(value: (index: number) => readonly number[]): Uint8Array {
  const bytes: number[] = []
  let items = 0
  while (bytes.length < bounds.frameBytes - 16 * bounds.elementsPerRecord) {
    const count = bounds.elementsPerRecord - 1
    bytes.push(0xdc, count >> 8, count & 255)
    for (let i = 0; i < count; i++) bytes.push(...value(i))
    items++
  }
  return Uint8Array.from([0xdc, items >> 8, items & 255, ...bytes])
}

/** Maps of keys that share everything but their tail: an additive hash takes them all for one. */
function likeKeys(): Uint8Array {
  const bytes: number[] = []
  let items = 0
  const prefix = Array.from({ length: bounds.keyBytes - 16 }, () => 0x61)
  while (bytes.length < bounds.frameBytes - 256 * (bounds.keyBytes + 4)) {
    bytes.push(0xde, 1, 0)
    for (let key = 0; key < 256; key++) {
      bytes.push(0xd9, bounds.keyBytes, ...prefix)
      for (let bit = 7; bit >= 0; bit--)
        bytes.push(...((key >> bit) & 1 ? [0x41, 0x61] : [0x42, 0x42]))
      bytes.push(0xc0)
    }
    items++
  }
  return Uint8Array.from([0xdc, items >> 8, items & 255, ...bytes])
}

/** The quickest of some runs: what the scan needs where nothing else takes the processor away. */
function quickestMs(bytes: Uint8Array): number {
  let quickest = Number.POSITIVE_INFINITY
  for (let run = 0; run < 12; run++) {
    const start = performance.now()
    const thrown = thrownBy(() => guard(bytes))
    quickest = Math.min(quickest, performance.now() - start)
    if (thrown !== undefined && !(thrown instanceof HalfsecondError)) throw thrown
  }
  return quickest
}

describe('the time of the guard, for the largest frame', () => {
  it.each([
    ['empty maps', frameOf(() => [0x80])],
    ['empty lists', frameOf(() => [0x90])],
    ['maps of one key', frameOf(() => [0x81, 0xa1, 0x61, 0xc0])],
    ['short texts', frameOf((i) => [0xa1, 0x61 + (i % 26)])],
    [
      'text of four-byte characters',
      frameOf(() => [0xa8, 0xf0, 0x9f, 0x98, 0x80, 0xf0, 0x9f, 0x98, 0x80]),
    ],
    ['keys made to collide', likeKeys()],
    ['levels', new Uint8Array(bounds.frameBytes).fill(0x91)],
    ['maps within maps', new Uint8Array(bounds.frameBytes).fill(0x81)],
    ['lengths beyond the frame', new Uint8Array(bounds.frameBytes).fill(0xdf)],
  ])('is below 10 ms for %s', (_, bytes) => {
    expect(quickestMs(bytes)).toBeLessThan(10)
  })
})
