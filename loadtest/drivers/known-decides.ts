import { connect } from '@halfsecond/client'
import { driverOptions, numberOption, sendResult, textOption } from '../lib/driver.ts'

/*
 * Decides for known customers as fast as it can, in turns: by their accounts, and by the cookies of
 * browsers that are linked to them. The ratio of a pair of turns says what recognition costs.
 */
const options = driverOptions()
const client = connect(textOption(options, 'url'), { channel: 'web' })
await client.ready(30_000)
const customers = numberOption(options, 'customers')
const concurrency = numberOption(options, 'concurrency')
const pairs = numberOption(options, 'pairs')
const turnMs = numberOption(options, 'turnMs')
const run = Math.random().toString(36).slice(2)

const prepared = Array.from({ length: customers }, async (_, i) => {
  const visitor = client.visitor({ anon: `${run}b${i}` })
  void visitor.track('page', { path: '/a', referrer: '' })
  await visitor.identify({ user: `${run}u${i}` }, { tier: 'gold' })
  await visitor.track('page', { path: '/b', referrer: '' })
})
await Promise.all(prepared)
let wrong = 0

/** Decisions a second. */
async function turn(identify: (i: number) => { [namespace: string]: string }): Promise<number> {
  const until = performance.now() + turnMs
  let made = 0
  const one = async (seat: number): Promise<void> => {
    for (let i = seat; performance.now() < until; i += concurrency) {
      const decision = await client.visitor(identify(i % customers)).decide('hero')
      if (decision.error !== undefined) wrong++
      made++
    }
  }
  await Promise.all(Array.from({ length: concurrency }, (_, seat) => one(seat)))
  return made / (turnMs / 1_000)
}

const byAccount = () => turn((i) => ({ user: `${run}u${i}` }))
const byCookie = () => turn((i) => ({ anon: `${run}b${i}` }))
await byAccount()
await byCookie()
const ratios: number[] = []
const rates: [number, number][] = []
for (let pair = 0; pair < pairs; pair++) {
  const rate: [number, number] =
    pair % 2 === 0 ? [await byAccount(), await byCookie()] : await turned()
  rates.push(rate)
  ratios.push(rate[0] / rate[1])
}
await client.close()

async function turned(): Promise<[number, number]> {
  const cookie = await byCookie()
  return [await byAccount(), cookie]
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0
sendResult({
  ratio: median(ratios),
  byAccount: median(rates.map(([account]) => account)),
  byCookie: median(rates.map(([, cookie]) => cookie)),
  wrong,
})
