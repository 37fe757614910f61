import { connect } from '@halfsecond/client'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'
import { atRate } from '../lib/pace.ts'

/*
 * Records events that each visitor numbers from 1, while somebody breaks things, and decides for
 * each a moment later. Ends once everything is acknowledged, given up, or five minutes have passed.
 */
const options = driverOptions()
const client = connect(textOption(options, 'url'), {
  channel: 'web',
  queueBytes: 256 * 1024 * 1024,
})
await client.ready(30_000)
const visitors = numberOption(options, 'visitors')
const numbers = new Array<number>(visitors).fill(0)
const properties = { path: '/a' }

let acknowledged = 0
let failed = 0
let decided = 0
let defaults = 0
let slowestDecide = 0
const deciding = new Set<Promise<void>>()

async function decide(visitor: ReturnType<typeof client.visitor>): Promise<void> {
  const started = performance.now()
  const { error } = await visitor.decide('hero')
  slowestDecide = Math.max(slowestDecide, performance.now() - started)
  decided++
  if (error !== undefined) defaults++
}

let turn = 0
await atRate(numberOption(options, 'rate'), numberOption(options, 'seconds'), () => {
  const who = turn++ % visitors
  const number = (numbers[who] ?? 0) + 1
  numbers[who] = number
  const visitor = client.visitor({ anon: `n${who}` })
  visitor.track('numbered', { ...properties, number }).then(
    () => {
      acknowledged++
    },
    () => {
      failed++
    },
  )
  if (turn % 10 !== 0) return
  const one = decide(visitor).finally(() => deciding.delete(one))
  deciding.add(one)
})
await Promise.all(deciding)
await client.close(300_000)
sendResult({ recorded: turn, acknowledged, failed, decided, defaults, slowestDecide })
