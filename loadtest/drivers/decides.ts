import { connect } from '@halfsecond/client'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'
import { Latencies } from '../lib/latencies.ts'
import { drawOf } from '../lib/visitors.ts'

/*
 * Decides as fast as it can at a fixed concurrency, shared by some connections. The second before
 * the measurement warms up.
 */
const options = driverOptions()
const url = textOption(options, 'url')
const clients = Array.from({ length: numberOption(options, 'clients') }, () =>
  connect(url, { channel: 'web' }),
)
await Promise.all(clients.map((client) => client.ready(30_000)))
const draw = drawOf('uniform', numberOption(options, 'visitors'))
const perClient = Math.max(1, Math.floor(numberOption(options, 'concurrency') / clients.length))

const warmUpMs = 1_000
const seconds = numberOption(options, 'seconds')
const from = performance.now() + warmUpMs
const until = from + seconds * 1_000
const latencies = new Latencies(1_000_000)
let wrong = 0

async function decideOn(client: (typeof clients)[number]): Promise<void> {
  for (let now = performance.now(); now < until; ) {
    const decision = await client.visitor({ anon: `v${draw()}` }).decide('hero')
    const then = performance.now()
    if (now >= from && then < until) latencies.add(then - now)
    if (decision.error !== undefined) wrong++
    now = then
  }
}

await Promise.all(
  clients.flatMap((client) => Array.from({ length: perClient }, () => decideOn(client))),
)
await Promise.all(clients.map((client) => client.close()))
sendResult({
  perSecond: latencies.size / seconds,
  p50: latencies.quantile(0.5),
  p99: latencies.quantile(0.99),
  wrong,
})
