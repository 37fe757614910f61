import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { RowsWriter } from '../../src/runtime/rows.ts'
import { LmdbStore } from '../../src/store/lmdb-store.ts'
import { storeSuite } from '../suites/store-suite.ts'
import { filesWith } from '../support/files-with.ts'
import { putFragment } from '../support/put-fragment.ts'
import { anon } from '../support/records.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()
let opened = 0

function freshPath(): string {
  return join(folder, `store-${opened++}`)
}

storeSuite(
  'the store on LMDB',
  (shards) => {
    const path = freshPath()
    let store = new LmdbStore(path, shards)
    let isOpen = true
    return Promise.resolve({
      store,
      close: async () => {
        if (isOpen) await store.close()
        isOpen = false
      },
      reopen: async () => {
        await store.close()
        store = new LmdbStore(path, shards)
        return store
      },
    })
  },
  { can: ['reopen'] },
)

test('what was removed from the store on LMDB is in its files until it is compacted', async () => {
  const path = freshPath()
  const store = new LmdbStore(path, 2)
  const marker = 'a-secret-of-somebody'
  const letters = async (put: (rows: RowsWriter, n: number) => void) => {
    const rows = new RowsWriter()
    for (let n = 0; n < 500; n++) put(rows, n)
    await store.shard(1).commit(rows.finish())
  }
  await letters((rows, n) => rows.deadLetter(n, Buffer.from(`${marker} ${n}`)))
  await letters((rows, n) => {
    if (n % 3 === 0) rows.deadLetter(n, Buffer.alloc(0))
    else rows.deadLetter(n, Buffer.from(`nothing ${n}`))
  })
  const before = filesWith(marker, path)

  await store.compact()
  const after = filesWith(marker, path)
  await store.close()

  expect(before).toEqual(['data.mdb'])
  expect(after).toEqual([])
  const again = new LmdbStore(path, 2)
  expect(again.shard(1).deadLetters(1_000)).toHaveLength(333)
  await again.close()
})

test('a copy of the store on LMDB that was never finished counts as none', async () => {
  const path = freshPath()
  const store = new LmdbStore(path, 1)
  const rows = new RowsWriter()
  rows.meta(Buffer.from('meta'))
  await store.shard(0).commit(rows.finish())
  await store.compact()
  await store.close()
  await cp(join(path, '1'), join(path, 'new-2'), { recursive: true })
  await cp(join(path, '1', 'data.mdb'), join(path, 'data.mdb'))

  const again = new LmdbStore(path, 1)

  expect(Buffer.from(again.shard(0).meta() ?? []).toString()).toBe('meta')
  expect(await readdir(path)).toEqual(['1'])
  await again.close()
})

test('the store on LMDB refuses commits once it is closed', async () => {
  const store = new LmdbStore(freshPath(), 1)
  await store.close()

  const refused = store.shard(0).commit({ count: 0, bytes: new Uint8Array(0) })

  await expect(refused).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('the store on LMDB closes with snapshots open', async () => {
  const store = new LmdbStore(freshPath(), 1)
  const snapshots = [store.shard(0).snapshot(), store.shard(0).snapshot()]
  snapshots[0]?.close()

  await store.close()

  expect(() => snapshots[1]?.rows(undefined, 1)).toThrowError('closed')
})

test('a process killed amid copying and clearing leaves a whole copy, or none that has a meta row', async () => {
  const path = freshPath()
  const script = fileURLToPath(new URL('./copy-until-killed.ts', import.meta.url))
  const count = 8_000
  const filled = new LmdbStore(path, 2)
  const rows = new RowsWriter()
  for (let i = 0; i < count; i++) putFragment(rows, anon(i), Buffer.alloc(100, 7))
  rows.meta(Buffer.from('meta'))
  await filled.shard(0).commit(rows.finish())
  await filled.close()
  const remainders: number[] = []

  for (const step of ['restore', 'clear', 'restore', 'clear']) {
    const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    for await (const line of createInterface({ input: child.stdout }))
      if (line === step) child.kill('SIGKILL')
    await exited

    const store = new LmdbStore(path, 2)
    const copy = store.shard(1)
    const found = copy.fragments(undefined, count + 1).length
    if (copy.meta() === undefined) remainders.push(found)
    else expect(found).toBe(count)
    await copy.clear()
    expect(copy.fragments(undefined, 1)).toEqual([])
    await store.close()
  }

  expect(remainders.length).toBeGreaterThan(0)
})

test('a process killed amid commits leaves whole transactions, and all that were confirmed', async () => {
  const path = freshPath()
  const script = fileURLToPath(new URL('./commit-until-killed.ts', import.meta.url))
  let confirmed = 0
  for (const rounds of [3, 40, 11]) {
    const child = spawn(process.execPath, [script, path, `${confirmed + 1}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    const stopAt = confirmed + rounds
    for await (const line of createInterface({ input: child.stdout })) {
      confirmed = Number(line)
      if (confirmed >= stopAt) child.kill('SIGKILL')
    }
    await exited

    const store = new LmdbStore(path, 2)
    const written = [store.shard(0), store.shard(1)].map((shard) => [
      Buffer.from(shard.meta() ?? []).toString(),
      ...Array.from({ length: 50 }, (_, i) => Buffer.from(shard.fragment(anon(i)) ?? [])).map(
        (row) => row.toString('utf8', 0, 12),
      ),
      Buffer.from(shard.chunk(anon(0), 0) ?? []).toString(),
    ])
    await store.close()

    for (const [index, rows] of written.entries()) {
      expect(new Set(rows).size).toBe(1)
      // The round after the last confirmed one may be there as well.
      expect(Number(rows[0]) - confirmed).toBeGreaterThanOrEqual(0)
      expect(Number(rows[0]) - confirmed, `shard ${index}`).toBeLessThanOrEqual(1)
    }
  }
})
