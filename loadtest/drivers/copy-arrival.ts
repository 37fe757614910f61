import { connect } from '@halfsecond/client'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'
import { Latencies } from '../lib/latencies.ts'
import { atRate } from '../lib/pace.ts'

/*
 * A browser of a known customer has its acknowledgement; the call centre, which knows the customer
 * only, asks until its answer reflects it. Measured as in `freshness`.
 */
const options = driverOptions()
const url = textOption(options, 'url')
const web = connect(url, { channel: 'web' })
const call = connect(url, { channel: 'call' })
await Promise.all([web.ready(30_000), call.ready(30_000)])

/** After this the answer counts as never there. */
const patienceMs = 5_000

const seconds = numberOption(options, 'seconds')
const rate = numberOption(options, 'rate')
const run = Math.random().toString(36).slice(2)
const known = Array.from({ length: rate * seconds }, (_, i) =>
  web.visitor({ anon: `${run}a${i}` }).identify({ user: `${run}c${i}` }),
)
await Promise.all(known)
await new Promise<void>((resolve) => setTimeout(resolve, 1_000))
const latencies = new Latencies()
const running = new Set<Promise<void>>()
let made = 0

async function one(): Promise<void> {
  const i = made++
  await web.visitor({ anon: `${run}a${i}` }).track('pressed', { path: '/a' })
  const acknowledgedMs = performance.now()
  for (let asked = acknowledgedMs; asked - acknowledgedMs < patienceMs; asked = performance.now()) {
    const { offer } = await call.visitor({ user: `${run}c${i}` }).decide('side')
    if (offer !== 'seen') continue
    latencies.add(asked - acknowledgedMs)
    return
  }
  latencies.add(patienceMs)
}

await atRate(rate, seconds, () => {
  const pending = one().finally(() => running.delete(pending))
  running.add(pending)
})
await Promise.all(running)
await Promise.all([web.close(), call.close()])
sendResult({ taken: latencies.size, p50: latencies.quantile(0.5), p99: latencies.quantile(0.99) })
