import { setPriority } from 'node:os'
import { connect } from '@halfsecond/client'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'
import { positionsIn } from '../lib/flushed.ts'
import { atRate } from '../lib/pace.ts'
import { drawOf } from '../lib/visitors.ts'

/*
 * Records events of 200 bytes at a rate, over one client. Tells when it began, in milliseconds
 * since 1970, how many were acknowledged, and the last acknowledged position of each shard.
 */
const options = driverOptions()
// In production the load has a machine of its own: here it yields to what it measures.
setPriority(10)
const client = connect(textOption(options, 'url'), {
  channel: 'web',
  queueBytes: 64 * 1024 * 1024,
})
await client.ready(30_000)
const draw = drawOf(textOption(options, 'distribution'), numberOption(options, 'visitors'))
const properties = { path: `/products/${'x'.repeat(40)}`, referrer: `https://${'y'.repeat(38)}` }

const positions = new Map<number, number>()
let recorded = 0
let acknowledged = 0
let failed = 0
const startedAt = Date.now()
await atRate(numberOption(options, 'rate'), numberOption(options, 'seconds'), () => {
  recorded++
  client
    .visitor({ anon: `v${draw()}` })
    .track('page', properties)
    .then(
      (position) => {
        acknowledged++
        if (position) positions.set(position.shard, position.sequence)
      },
      () => {
        failed++
      },
    )
})
await client.close(60_000)
const { user, system } = process.cpuUsage()
sendResult({
  startedAt,
  recorded,
  acknowledged,
  failed,
  cpuSeconds: (user + system) / 1e6,
  ...positionsIn(positions),
})
