import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const module = new URL('../../src/system/heap.ts', import.meta.url).href

/** Marked with so many objects alive, some 100 bytes each, and once more to tell how far it might grow. */
function program(objects: number): string {
  return `
    import { markSeldom } from '${module}'
    const end = markSeldom()
    const kept = Array.from({ length: ${objects} }, (_, i) => ({ i, of: [i] }))
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    globalThis.gc()
    for (let turn = 0; turn < 20; turn++) {
      for (let i = 0; i < 20_000; i++) if (i % 20 === 0) kept.push({ i, of: [i] })
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    globalThis.gc()
    end()
    console.log(kept.length)
  `
}

/** Bytes that were alive, and those that the heap might take then. */
async function markedWith(objects: number): Promise<{ alive: number; limit: number }> {
  const flags = ['--expose-gc', '--trace-gc-nvp', '--input-type=module', '--eval']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program(objects)])
  const [before, after] = stdout
    .split('\n')
    .filter((line) => line.includes(' gc=mc '))
    .slice(-2)
  return {
    alive: numberIn(before, 'end_object_size'),
    limit: numberIn(after, 'old_gen_allocation_limit'),
  }
}

const megabyte = 1024 * 1024

// What is young has room of its own in the limit.
test('a small heap takes 128 MB more before it is marked', async () => {
  const { alive, limit } = await markedWith(100_000)

  expect(alive).toBeLessThan(30 * megabyte)
  expect(limit - alive).toBeGreaterThan(100 * megabyte)
  expect(limit - alive).toBeLessThan(220 * megabyte)
})

test('a larger heap grows to twice of what is alive before it is marked', async () => {
  const { alive, limit } = await markedWith(1_500_000)

  expect(alive).toBeGreaterThan(128 * megabyte)
  // V8 itself would have let this one grow fourfold.
  expect(limit / alive).toBeGreaterThan(1.9)
  expect(limit / alive).toBeLessThan(3)
})

function numberIn(line = '', name: string): number {
  return Number(line.match(new RegExp(` ${name}=(\\d+)`))?.[1])
}
