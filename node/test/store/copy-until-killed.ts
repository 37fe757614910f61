import { LmdbStore } from '../../src/store/lmdb-store.ts'

/*
 * A process that copies shard 0 to shard 1 and clears the copy, again and again, until it is
 * killed. It prints a word before each step.
 */
const [path = ''] = process.argv.slice(2)
const store = new LmdbStore(path, 2)
const [source, copy] = [store.shard(0), store.shard(1)]
const snapshot = source.snapshot()

await copy.clear()
for (;;) {
  process.stdout.write('restore\n')
  let piece = snapshot.rows(undefined, 64 * 1024)
  while (piece.length > 0) {
    await copy.restore(piece)
    piece = snapshot.rows(piece.at(-1)?.key, 64 * 1024)
  }
  if (snapshot.meta) await copy.restore([snapshot.meta])
  process.stdout.write('clear\n')
  await copy.clear()
}
