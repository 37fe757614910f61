import { connect } from '@halfsecond/client'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'
import { Latencies } from '../lib/latencies.ts'

/*
 * Decides for customers who came with a cookie and have an account: in turn by the account alone
 * and by the cookie alone, one after the other, so that both meet the same machine. The first
 * second of the measurement warms up and does not count.
 */
const options = driverOptions()
const customers = numberOption(options, 'customers')
const client = connect(textOption(options, 'url'), { channel: 'web' })
await client.ready(30_000)

const run = Math.random().toString(36).slice(2)
const accountOf = (i: number) => ({ user: `${run}a${i}` })
const cookieOf = (i: number) => ({ anon: `${run}c${i}` })

async function register(i: number): Promise<void> {
  const visitor = client.visitor(cookieOf(i))
  await visitor.track('pressed', { path: '/a' })
  await visitor.identify(accountOf(i))
}
await Promise.all(Array.from({ length: customers }, (_, i) => register(i)))

/** Until what was linked has come together at every account. */
const settleMs = 30_000
for (let i = 0; i < customers; i++) {
  for (const until = performance.now() + settleMs; performance.now() < until; )
    if ((await client.visitor(accountOf(i)).decide('side')).offer === 'seen') break
}

const byAccount = new Latencies(1_000_000)
const byCookie = new Latencies(1_000_000)
let wrong = 0

async function decide(identifiers: { user: string } | { anon: string }): Promise<number> {
  const from = performance.now()
  const { offer, freshness } = await client.visitor(identifiers).decide('side')
  if (offer !== 'seen' || freshness !== 'fresh') wrong++
  return performance.now() - from
}

const warmUpMs = 1_000
const from = performance.now() + warmUpMs
const until = from + numberOption(options, 'seconds') * 1_000
for (let i = 0; performance.now() < until; i = (i + 1) % customers) {
  const account = await decide(accountOf(i))
  const cookie = await decide(cookieOf(i))
  if (performance.now() < from) {
    wrong = 0
    continue
  }
  byAccount.add(account)
  byCookie.add(cookie)
}
await client.close()
/** With two nodes half of the cookies are passed on: this is the middle of those. */
const middle = 0.75
const account = byAccount.quantile(middle)
const cookie = byCookie.quantile(middle)
sendResult({
  ratio: cookie / account,
  account,
  cookie,
  taken: byCookie.size,
  wrong,
})
