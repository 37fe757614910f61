import { connect } from '@halfsecond/client'
import { driverOptions, finishing, numberOption, sendResult, textOption } from '../lib/driver.ts'
import { atRate } from '../lib/pace.ts'

/*
 * A storm of merges: browsers with a little history log in, each as a customer who has browsers
 * already, so that every login moves a copy to another shard.
 */
const options = driverOptions()
const client = connect(textOption(options, 'url'), { channel: 'web' })
await client.ready(30_000)
const customers = numberOption(options, 'customers')
const run = Math.random().toString(36).slice(2)
const running = new Set<Promise<unknown>>()
let merged = 0
const started = performance.now()

async function merge(): Promise<void> {
  const i = merged++
  const visitor = client.visitor({ anon: `${run}m${i}` })
  void visitor.track('page', { path: '/a', referrer: '' })
  await visitor.identify({ user: `${run}s${i % customers}` })
}

await atRate(
  numberOption(options, 'rate'),
  numberOption(options, 'seconds'),
  () => {
    const one = merge().finally(() => running.delete(one))
    running.add(one)
  },
  finishing(),
)
const ended = performance.now()
await Promise.all(running)
await client.close()
sendResult({ merged, rate: (merged * 1_000) / (ended - started) })
