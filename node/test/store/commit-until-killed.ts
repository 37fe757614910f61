import { RowsWriter } from '../../src/runtime/rows.ts'
import { LmdbStore } from '../../src/store/lmdb-store.ts'
import { putFragment } from '../support/put-fragment.ts'
import { anon } from '../support/records.ts'

/*
 * A process that commits rounds to two shards until it is killed. Every row of a round begins with
 * its number; a round is printed once both shards confirmed it.
 */
const [path = '', first = '1'] = process.argv.slice(2)
const store = new LmdbStore(path, 2)

for (let round = Number(first); ; round++) {
  const text = String(round).padStart(12, '0')
  await Promise.all([0, 1].map((shard) => store.shard(shard).commit(rowsOf(text))))
  process.stdout.write(`${round}\n`)
}

function rowsOf(text: string) {
  const rows = new RowsWriter()
  rows.meta(Buffer.from(text))
  for (let i = 0; i < 50; i++) putFragment(rows, anon(i), Buffer.from(text.padEnd(600 + 40 * i)))
  rows.chunk(anon(0), 0, Buffer.from(text))
  return rows.finish()
}
