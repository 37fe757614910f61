import { connect } from '@halfsecond/client'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'
import { Latencies } from '../lib/latencies.ts'
import { atRate } from '../lib/pace.ts'

/*
 * Decides at a rate for visitors that `fill` made, from `from` on, each once, which is in no order of
 * the store. Measured from the intended start; the first seconds warm this process up.
 */
const options = driverOptions()
const client = connect(textOption(options, 'url'), { channel: 'web' })
await client.ready(30_000)
const visitors = numberOption(options, 'visitors')
const warmUpSeconds = 2
const rate = numberOption(options, 'rate')
const latencies = new Latencies()
let next = numberOption(options, 'from')
let wrong = 0
const running = new Set<Promise<void>>()

async function one(intendedMs: number, isTaken: boolean): Promise<void> {
  const { offer } = await client.visitor({ anon: `v${next++ % visitors}` }).decide('hero')
  if (isTaken) latencies.add(performance.now() - intendedMs)
  if (offer === undefined) wrong++
}

async function decide(seconds: number, isTaken: boolean): Promise<void> {
  await atRate(rate, seconds, (intendedMs) => {
    const pending = one(intendedMs, isTaken).finally(() => running.delete(pending))
    running.add(pending)
  })
}

await decide(warmUpSeconds, false)
await decide(numberOption(options, 'seconds'), true)
await Promise.all(running)
await client.close()
sendResult({
  next,
  wrong,
  p50: latencies.quantile(0.5),
  p99: latencies.quantile(0.99),
})
