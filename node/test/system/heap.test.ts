import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const module = new URL('../../src/system/heap.ts', import.meta.url).href

/** Some 35 MB are alive when it is marked; the next mark tells how far it might have grown since. */
const program = `
  import { markSeldom } from '${module}'
  markSeldom()
  const kept = Array.from({ length: 300_000 }, (_, i) => ({ i, of: [i] }))
  globalThis.gc()
  for (let turn = 0; turn < 60; turn++) {
    for (let i = 0; i < 20_000; i++) if (i % 20 === 0) kept.push({ i, of: [i] })
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  globalThis.gc()
  console.log(kept.length)
`

test('a heap grows to twice of what is alive before it is marked', async () => {
  const flags = ['--expose-gc', '--trace-gc-nvp', '--input-type=module', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, flags)

  const [before, after] = stdout
    .split('\n')
    .filter((line) => line.includes(' gc=mc '))
    .slice(-2)
  const growth = numberIn(after, 'old_gen_allocation_limit') / numberIn(before, 'end_object_size')
  // What is young has room of its own in it; V8 itself would have let this one grow fourfold.
  expect(growth).toBeGreaterThan(1.9)
  expect(growth).toBeLessThan(3)
})

function numberIn(line = '', name: string): number {
  return Number(line.match(new RegExp(` ${name}=(\\d+)`))?.[1])
}
