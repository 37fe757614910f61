import { flushed, openEnvironment, openRows, type Rowset } from './environment.ts'

/** Rows that one transaction copies: whoever shares the thread comes between. */
const copiedAtOnce = 2_000

const flushTimeoutMs = 60_000

/**
 * Copies all rows of these databases to a new environment at `path`, and closes it. Row by row: a
 * copy of pages could bring along what was removed from them. Nobody may write meanwhile.
 */
export async function copyRows(
  rowsets: ReadonlyMap<string, Rowset>,
  path: string,
  pause: () => Promise<void>,
): Promise<void> {
  const environment = openEnvironment(path)
  try {
    for (const [name, from] of rowsets) await copyOne(from, openRows(environment, name), pause)
    await flushed(environment, flushTimeoutMs)
  } finally {
    await environment.close()
  }
}

async function copyOne(from: Rowset, to: Rowset, pause: () => Promise<void>): Promise<void> {
  let after: Buffer | undefined
  for (;;) {
    const page = from.getRange({
      ...(after !== undefined && { start: after, exclusiveStart: true }),
      limit: copiedAtOnce,
    })
    const rows = Array.from(page, ({ key, value }) => ({ key: Buffer.from(key), value }))
    after = rows.at(-1)?.key
    if (after === undefined) return
    to.transactionSync(() => {
      for (const { key, value } of rows) to.putSync(key, value)
    })
    await pause()
  }
}
