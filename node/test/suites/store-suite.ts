import { describe, expect, test } from 'vitest'
import type { ShardStore, Store, StoredRow, StoreSnapshot } from '../../src/runtime/ports.ts'
import { RowsWriter } from '../../src/runtime/rows.ts'
import { putFragment } from '../support/put-fragment.ts'
import { anon } from '../support/records.ts'
import { freshFrom } from './fresh.ts'
import { testIf } from './test-if.ts'

export interface StoreUnderTest {
  readonly store: Store
  close(): Promise<void>
  /** Closes `store` and opens it again over the same data. */
  reopen?(): Promise<Store>
}

export interface StoreSuiteOptions {
  readonly can: readonly 'reopen'[]
}

const shards = 4

/** The behaviour of every `Store`. `open` gives a fresh, empty one of four shards. */
export function storeSuite(
  name: string,
  open: (shards: number) => Promise<StoreUnderTest>,
  options: StoreSuiteOptions,
): void {
  const fresh = freshFrom(() => open(shards))

  describe(name, () => {
    test('has nothing at first', async () => {
      const shard = (await fresh()).store.shard(0)

      expect(shard.meta()).toBeUndefined()
      expect([...shard.producers()]).toEqual([])
      expect([...shard.statistics()]).toEqual([])
      expect(shard.fragment(anon(1))).toBeUndefined()
      expect(shard.chunk(anon(1), 0)).toBeUndefined()
      expect(shard.fragments(undefined, 10)).toEqual([])
      expect(shard.deadLetters(10)).toEqual([])
    })

    test('reads every kind of row as it was committed', async () => {
      const shard = (await fresh()).store.shard(1)

      await commit(shard, (rows) => {
        putFragment(rows, anon(1), row('fragment'))
        rows.chunk(anon(1), 0, row('chunk 0'))
        rows.chunk(anon(1), 70_000, row('chunk 70000'))
        rows.producer('p', row('producer'))
        rows.deadLetter(0, row('letter'))
        rows.statistics('click 1 2\nhero\nboots\nred\n', row('cell'))
        rows.meta(row('meta'))
      })

      expect([...shard.statistics()].map(text)).toEqual(['cell'])
      expect(text(shard.fragment(anon(1)))).toBe('fragment')
      expect(text(shard.chunk(anon(1), 0))).toBe('chunk 0')
      expect(text(shard.chunk(anon(1), 70_000))).toBe('chunk 70000')
      expect(shard.chunk(anon(1), 1)).toBeUndefined()
      expect([...shard.producers()].map(text)).toEqual(['producer'])
      expect(shard.deadLetters(10).map(text)).toEqual(['letter'])
      expect(text(shard.meta())).toBe('meta')
    })

    test('has every row after it was compacted, and takes more', async () => {
      const { store } = await fresh()
      const snapshot = store.shard(1).snapshot()
      await commit(store.shard(1), (rows) => {
        for (let n = 0; n < 5_000; n++) rows.chunk(anon(1), n, row(`chunk ${n}`))
        rows.meta(row('meta'))
      })

      const compacted = store.compact()
      const meanwhile = commit(store.shard(2), (rows) => rows.meta(row('meanwhile')))
      await Promise.all([compacted, meanwhile])
      await store.compact()
      await commit(store.shard(1), (rows) => rows.chunk(anon(1), 0, row('newer')))

      expect(text(store.shard(1).meta())).toBe('meta')
      expect(text(store.shard(1).chunk(anon(1), 0))).toBe('newer')
      expect(text(store.shard(1).chunk(anon(1), 4_999))).toBe('chunk 4999')
      expect(text(store.shard(2).meta())).toBe('meanwhile')
      snapshot.close()
    })

    test('removes rows by their keys', async () => {
      const shard = (await fresh()).store.shard(0)
      await commit(shard, (rows) => {
        for (let n = 0; n < 3; n++) rows.deadLetter(n, row(`letter ${n}`))
        rows.meta(row('meta'))
      })
      const [first, , third] = shard.snapshot().rows(undefined, 10_000)

      await shard.remove([first, third].flatMap((one) => (one ? [one.key] : [])))

      expect(shard.deadLetters(10).map(text)).toEqual(['letter 1'])
      expect(text(shard.meta())).toBe('meta')
    })

    test('keeps rows by their whole name: long, of other scripts, alike but for the last letter', async () => {
      const shard = (await fresh()).store.shard(0)
      const names = [
        anon('x'.repeat(250)),
        anon(`${'x'.repeat(249)}y`),
        anon('юзер'),
        anon('юзеp'),
        anon('😀'),
        anon('1 0'),
        anon('1'),
      ]

      await commit(shard, (rows) => {
        for (const name of names) {
          putFragment(rows, name, row(name))
          rows.chunk(name, 0, row(`chunk of ${name}`))
        }
      })

      expect(names.map((name) => text(shard.fragment(name)))).toEqual(names)
      expect(names.map((name) => text(shard.chunk(name, 0)))).toEqual(
        names.map((name) => `chunk of ${name}`),
      )
    })

    test('keeps shards apart', async () => {
      const { store } = await fresh()

      await commit(store.shard(0), (rows) => putFragment(rows, anon(1), row('of 0')))
      await commit(store.shard(1), (rows) => putFragment(rows, anon(1), row('of 1')))

      expect(text(store.shard(0).fragment(anon(1)))).toBe('of 0')
      expect(text(store.shard(1).fragment(anon(1)))).toBe('of 1')
      expect(store.shard(2).fragment(anon(1))).toBeUndefined()
    })

    test('replaces rows, and deletes those without bytes', async () => {
      const shard = (await fresh()).store.shard(0)
      await commit(shard, (rows) => {
        putFragment(rows, anon(1), row('old'))
        rows.producer('p', row('producer p'))
        rows.producer('q', row('producer q'))
      })

      await commit(shard, (rows) => {
        putFragment(rows, anon(1), row('new, and longer'))
        rows.producer('p', null)
        rows.producer('never there', null)
        rows.statistics('never there', null)
      })

      expect(text(shard.fragment(anon(1)))).toBe('new, and longer')
      expect([...shard.producers()].map(text)).toEqual(['producer q'])
    })

    test('reads a row in the form of the last commit, again and again', async () => {
      const shard = (await fresh()).store.shard(0)

      for (let i = 0; i < 20; i++) {
        await commit(shard, (rows) => {
          putFragment(rows, anon(1), row(`fragment ${i}`))
          rows.meta(row(`meta ${i}`))
        })
        expect([text(shard.fragment(anon(1))), text(shard.meta())]).toEqual([
          `fragment ${i}`,
          `meta ${i}`,
        ])
      }
    })

    test('never changes the bytes that it returned', async () => {
      const shard = (await fresh()).store.shard(0)
      await commit(shard, (rows) => putFragment(rows, anon(1), row('before')))
      const read = shard.fragment(anon(1))

      await commit(shard, (rows) => putFragment(rows, anon(1), row('beyond')))
      const again = shard.fragment(anon(1))

      expect([text(read), text(again)]).toEqual(['before', 'beyond'])
    })

    test('takes commits of several shards at once, and of one in order', async () => {
      const { store } = await fresh()

      await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          commit(store.shard(i % shards), (rows) => {
            putFragment(rows, anon(i), row(`${i}`))
            rows.meta(row(`meta ${i}`))
          }),
        ),
      )

      for (let i = 0; i < 40; i++)
        expect(text(store.shard(i % shards).fragment(anon(i)))).toBe(`${i}`)
      expect([0, 1, 2, 3].map((shard) => text(store.shard(shard).meta()))).toEqual([
        'meta 36',
        'meta 37',
        'meta 38',
        'meta 39',
      ])
    })

    test('gives all fragments in pieces, each once, and no other rows', async () => {
      const shard = (await fresh()).store.shard(0)
      const names = Array.from({ length: 101 }, (_, i) => anon(i))
      await commit(shard, (rows) => {
        for (const name of names) {
          putFragment(rows, name, row(name))
          rows.chunk(name, 0, row('chunk'))
          rows.producer(name, row('producer'))
        }
        rows.deadLetter(0, row('letter'))
        rows.meta(row('meta'))
      })

      for (const limit of [1, 7, 100, 101, 1_000]) {
        const read = readAll(shard, limit)
        expect(read.toSorted()).toEqual([...names].sort())
      }
    })

    test('goes on giving fragments after a key whose row is gone', async () => {
      const shard = (await fresh()).store.shard(0)
      const names = Array.from({ length: 30 }, (_, i) => anon(i))
      await commit(shard, (rows) => {
        for (const name of names) putFragment(rows, name, row(name))
      })
      const first = shard.fragments(undefined, 10)

      await commit(shard, (rows) => putFragment(rows, anon(text(first[9]?.row).slice(5)), row('')))
      const rest = shard.fragments(first[9]?.key, 100)

      expect([...first, ...rest].map((one) => text(one.row)).sort()).toEqual([...names].sort())
      expect(shard.fragments(undefined, 100).length).toBe(29)
    })

    test('gives dead letters oldest first, whatever the order of their commits', async () => {
      const shard = (await fresh()).store.shard(0)

      await commit(shard, (rows) => {
        for (const number of [300, 2, 256]) rows.deadLetter(number, row(`letter ${number}`))
      })
      await commit(shard, (rows) => rows.deadLetter(1, row('letter 1')))

      expect(shard.deadLetters(3).map(text)).toEqual(['letter 1', 'letter 2', 'letter 256'])
      expect(shard.deadLetters(100).length).toBe(4)
    })

    test('takes a transaction of many and of large rows', async () => {
      const shard = (await fresh()).store.shard(0)
      const large = Buffer.alloc(96 * 1024, 7)

      await commit(shard, (rows) => {
        for (let i = 0; i < 2_000; i++) putFragment(rows, anon(i), row(`${i}`))
        for (let i = 0; i < 20; i++) rows.chunk(anon(0), i, large)
      })

      expect(readAll(shard, 500).length).toBe(2_000)
      expect(Buffer.compare(shard.chunk(anon(0), 19) ?? row(''), large)).toBe(0)
    })

    test('copies every row to another shard, whatever the size of the pieces', async () => {
      const { store } = await fresh()
      const [from, to] = [store.shard(0), store.shard(1)]
      await commit(from, everyKind)
      const snapshot = from.snapshot()

      for (const bytes of [1, 100, 1024 ** 2]) {
        await to.clear()
        for (const piece of piecesOf(snapshot, bytes)) await to.restore(piece)
        const before = to.meta()
        await to.restore(metaOf(snapshot))

        expect(before).toBeUndefined()
        expect(contentOf(to)).toEqual(contentOf(from))
      }
      snapshot.close()
    })

    test('gives pieces of a snapshot of about the size asked for, but at least one row', async () => {
      const shard = (await fresh()).store.shard(0)
      await commit(shard, (rows) => {
        for (let i = 0; i < 100; i++) putFragment(rows, anon(i), Buffer.alloc(1_000, i))
      })
      const snapshot = shard.snapshot()

      const sizes = (bytes: number) => piecesOf(snapshot, bytes).map((piece) => piece.length)

      expect(sizes(1)).toEqual(Array.from({ length: 100 }, () => 1))
      expect(Math.max(...sizes(10_000))).toBeLessThanOrEqual(10)
      expect(sizes(1_000_000)).toEqual([100])
      snapshot.close()
    })

    test('shows in a snapshot what was there when it was made, however long it is read', async () => {
      const shard = (await fresh()).store.shard(0)
      const names = Array.from({ length: 300 }, (_, i) => anon(i))
      const writeAll = (value: string) =>
        commit(shard, (rows) => {
          for (const name of names) putFragment(rows, name, row(value))
          rows.meta(row(value))
        })
      await writeAll('then')
      const snapshot = shard.snapshot()
      const first = snapshot.rows(undefined, 1_000)

      for (let i = 0; i < 5; i++) {
        await writeAll(`later ${i}`)
        await commit(shard, (rows) => putFragment(rows, anon('another'), row('later')))
      }
      const rest = piecesOf(snapshot, 1_000, first.at(-1)?.key).flat()

      const values = [...first, ...rest].map(({ value }) => text(value))
      expect(values).toEqual(names.map(() => 'then'))
      expect(metaOf(snapshot).map(({ value }) => text(value))).toEqual(['then'])
      expect(text(shard.meta())).toBe('later 4')
      snapshot.close()
    })

    test('takes snapshots side by side, each of its own moment', async () => {
      const shard = (await fresh()).store.shard(0)
      const snapshots: StoreSnapshot[] = [shard.snapshot()]
      for (let i = 0; i < 3; i++) {
        await commit(shard, (rows) => rows.meta(row(`meta ${i}`)))
        snapshots.push(shard.snapshot())
      }

      const metas = snapshots.map((snapshot) => text(snapshot.meta?.value))
      snapshots[1]?.close()
      const after = snapshots.map((_, i) => (i === 1 ? [] : snapshots[i]?.rows(undefined, 1_000)))

      expect(metas).toEqual(['none', 'meta 0', 'meta 1', 'meta 2'])
      expect(after).toEqual([[], [], [], []])
      for (const snapshot of snapshots) snapshot.close()
    })

    test('gives nothing of a snapshot that is closed, and closes it twice without harm', async () => {
      const shard = (await fresh()).store.shard(0)
      const snapshot = shard.snapshot()
      snapshot.close()
      snapshot.close()

      const read = () => snapshot.rows(undefined, 1_000)

      expect(read).toThrowError('closed')
    })

    test('clears one shard and leaves the others; an empty one too', async () => {
      const { store } = await fresh()
      await commit(store.shard(0), everyKind)
      await commit(store.shard(1), everyKind)
      const kept = contentOf(store.shard(1))

      await store.shard(0).clear()
      await store.shard(0).clear()

      expect(contentOf(store.shard(0))).toEqual([])
      expect(contentOf(store.shard(1))).toEqual(kept)
    })

    test('clears more rows than one transaction removes, while others commit', async () => {
      const { store } = await fresh()
      await commit(store.shard(0), (rows) => {
        for (let i = 0; i < 5_000; i++) putFragment(rows, anon(i), row(`${i}`))
        rows.meta(row('meta'))
      })

      const cleared = store.shard(0).clear()
      const others = Array.from({ length: 5 }, (_, i) =>
        commit(store.shard(1), (rows) => putFragment(rows, anon(i), row(`${i}`))),
      )
      await Promise.all([cleared, ...others])

      expect(contentOf(store.shard(0))).toEqual([])
      expect(readAll(store.shard(1), 100).length).toBe(5)
    })

    test('takes commits again after it was cleared', async () => {
      const shard = (await fresh()).store.shard(0)
      await commit(shard, everyKind)
      await shard.clear()

      await commit(shard, (rows) => rows.meta(row('new')))

      expect(contentOf(shard).map(({ value }) => text(value))).toEqual(['new'])
    })

    test('knows how much it uses and what is left', async () => {
      const { store } = await fresh()

      const { usedBytes, freeBytes } = await store.usage()

      expect(usedBytes).toBeGreaterThanOrEqual(0)
      expect(freeBytes).toBeGreaterThan(0)
    })

    testIf(options.can.includes('reopen'))('has all of it after it was opened again', async () => {
      const one = await fresh()
      await commit(one.store.shard(0), (rows) => {
        for (let i = 0; i < 50; i++) putFragment(rows, anon(i), row(anon(i)))
        rows.producer('p', row('producer'))
        rows.deadLetter(0, row('letter'))
        rows.meta(row('meta'))
      })

      const shard = ((await one.reopen?.()) ?? one.store).shard(0)

      expect(readAll(shard, 20).length).toBe(50)
      expect([...shard.producers()].map(text)).toEqual(['producer'])
      expect(shard.deadLetters(1).map(text)).toEqual(['letter'])
      expect(text(shard.meta())).toBe('meta')
    })
  })
}

function commit(shard: ShardStore, write: (rows: RowsWriter) => void): Promise<void> {
  const rows = new RowsWriter()
  write(rows)
  return shard.commit(rows.finish())
}

/** A few rows of every kind, one of them large. */
function everyKind(rows: RowsWriter): void {
  for (let i = 0; i < 20; i++) putFragment(rows, anon(i), row(`fragment ${i}`))
  rows.chunk(anon(0), 0, row('chunk'))
  rows.chunk(anon(0), 70_000, Buffer.alloc(96 * 1024, 7))
  rows.producer('p', row('producer'))
  rows.deadLetter(0, row('letter'))
  rows.meta(row('meta'))
}

/** Everything after a key, in pieces of about this size. */
function piecesOf(
  snapshot: StoreSnapshot,
  bytes: number,
  after?: Uint8Array,
): (readonly StoredRow[])[] {
  const pieces: (readonly StoredRow[])[] = []
  let piece = snapshot.rows(after, bytes)
  while (piece.length > 0) {
    pieces.push(piece)
    piece = snapshot.rows(piece.at(-1)?.key, bytes)
  }
  return pieces
}

function metaOf({ meta }: StoreSnapshot): StoredRow[] {
  return meta ? [meta] : []
}

function contentOf(shard: ShardStore): StoredRow[] {
  const snapshot = shard.snapshot()
  const rows = [...snapshot.rows(undefined, Number.POSITIVE_INFINITY), ...metaOf(snapshot)]
  snapshot.close()
  return rows.map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) }))
}

function row(value: string): Buffer {
  return Buffer.from(value)
}

function text(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'none' : Buffer.from(bytes).toString()
}

function readAll(shard: ShardStore, limit: number): string[] {
  const read: string[] = []
  let page = shard.fragments(undefined, limit)
  while (page.length > 0) {
    expect(page.length).toBeLessThanOrEqual(limit)
    read.push(...page.map((one) => text(one.row)))
    page = shard.fragments(page.at(-1)?.key, limit)
  }
  return read
}
