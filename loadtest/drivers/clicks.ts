import { connect } from '@halfsecond/client'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'
import { atRate } from '../lib/pace.ts'

/*
 * A click of a new visitor and the content after it, at a rate, while the log is away: is the click
 * reflected, does the answer say that it may be stale, is default content there in time? Ends once
 * every click is acknowledged, given up, or five minutes have passed.
 */
const options = driverOptions()
const client = connect(textOption(options, 'url'), {
  channel: 'web',
  queueBytes: 256 * 1024 * 1024,
  defaults: { side: { title: 'Default' } },
})
await client.ready(30_000)
const run = Math.random().toString(36).slice(2)

let clicks = 0
let acknowledged = 0
let live = 0
let missed = 0
let stale = 0
let defaults = 0
let slowest = 0
const running = new Set<Promise<void>>()

async function click(): Promise<void> {
  const visitor = client.visitor({ anon: `c${run}${clicks++}` })
  visitor.track('pressed', { path: '/a' }).then(
    () => {
      acknowledged++
    },
    () => {},
  )
  const started = performance.now()
  const { error, offer, freshness } = await visitor.decide('side')
  slowest = Math.max(slowest, performance.now() - started)
  if (error !== undefined) {
    defaults++
    return
  }
  live++
  if (offer !== 'seen') missed++
  if (freshness === 'stale') stale++
}

await atRate(numberOption(options, 'rate'), numberOption(options, 'seconds'), () => {
  const one = click().finally(() => running.delete(one))
  running.add(one)
})
await Promise.all(running)
await client.close(300_000)
sendResult({ clicks, acknowledged, live, missed, stale, defaults, slowest })
