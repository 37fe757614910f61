import { connect } from '@halfsecond/client'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'
import { Latencies } from '../lib/latencies.ts'
import { atRate } from '../lib/pace.ts'

/*
 * One channel has its acknowledgement; another, without a position, asks until its answer reflects
 * it. Measured from the acknowledgement to the start of the first question whose answer does.
 */
const options = driverOptions()
const url = textOption(options, 'url')
const web = connect(url, { channel: 'web' })
const call = connect(url, { channel: 'call' })
await Promise.all([web.ready(30_000), call.ready(30_000)])

/** After this the answer counts as never fresh. */
const patienceMs = 5_000

const latencies = new Latencies()
const running = new Set<Promise<void>>()
const run = Math.random().toString(36).slice(2)
let made = 0

async function one(): Promise<void> {
  const identifiers = { anon: `f${run}${made++}` }
  await web.visitor(identifiers).track('pressed', { path: '/a' })
  const acknowledgedMs = performance.now()
  for (let asked = acknowledgedMs; asked - acknowledgedMs < patienceMs; asked = performance.now()) {
    const { offer } = await call.visitor(identifiers).decide('side')
    if (offer !== 'seen') continue
    latencies.add(asked - acknowledgedMs)
    return
  }
  latencies.add(patienceMs)
}

await atRate(numberOption(options, 'rate'), numberOption(options, 'seconds'), () => {
  const pending = one().finally(() => running.delete(pending))
  running.add(pending)
})
await Promise.all(running)
await Promise.all([web.close(), call.close()])
sendResult({ taken: latencies.size, p50: latencies.quantile(0.5), p99: latencies.quantile(0.99) })
