import { connect } from '@halfsecond/client'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'
import { positionsIn } from '../lib/flushed.ts'

/*
 * Gives the visitors `from` to `to` three events of 200 bytes each, in three rounds over all, as
 * fast as the log takes them. Sends the last acknowledged position of each shard back.
 */
const options = driverOptions()
const client = connect(textOption(options, 'url'), {
  channel: 'web',
  queueBytes: 64 * 1024 * 1024,
})
await client.ready(30_000)
const from = numberOption(options, 'from')
const to = numberOption(options, 'to')
const properties = { path: `/products/${'x'.repeat(40)}`, referrer: `https://${'y'.repeat(38)}` }

const rounds = 3
/** Events that wait for their acknowledgement at once: well within the client's queue. */
const slice = 20_000

const positions = new Map<number, number>()
let failed = 0
const one = async (who: number) => {
  try {
    const position = await client.visitor({ anon: `v${who}` }).track('page', properties)
    if (position) positions.set(position.shard, position.sequence)
  } catch {
    failed++
  }
}

let earlier: Promise<unknown> = Promise.resolve()
for (let round = 0; round < rounds; round++) {
  for (let start = from; start < to; start += slice) {
    const count = Math.min(slice, to - start)
    const current = Promise.all(Array.from({ length: count }, (_, index) => one(start + index)))
    // Two slices are under way, so that the log never waits for us.
    await earlier
    earlier = current
  }
}
await earlier
await client.close(60_000)
sendResult({ failed, ...positionsIn(positions) })
