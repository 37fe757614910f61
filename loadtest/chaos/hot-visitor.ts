import { setTimeout as sleep } from 'node:timers/promises'
import { startDriver } from '../lib/driver.ts'
import type { Scenario } from './scenario.ts'

/** Share of all visits that one visitor makes. */
const share = 0.05

/** One visitor makes a twentieth of all visits: the others do not notice. */
export const hotVisitor: Scenario = {
  about: 'one visitor makes 5 % of all visits: others do not notice',
  bounds: { decideP99: 100, decideP999: 500, defaultRatio: 0 },
  async run({ cluster, shards, seconds, rate, fault }) {
    const hot = startDriver('visits', {
      url: cluster.nats.url,
      seconds: seconds + 10,
      prefix: 'hot',
      rate: rate * share,
      askRate: 1,
      visitors: 1,
      shards,
      warmUpSeconds: 1,
    })
    fault(`a visitor makes ${rate * share} visits a second`)
    await sleep(seconds * 1_000)
    hot.finish()
    const { p99 = null, missed = null, errors = 0, defaults = 0 } = await hot.ended
    if (errors + defaults > 0) throw new Error(`${errors + defaults} decides of its own failed`)
    return () => [
      { figure: 'hot-decide-p99', value: p99, unit: 'ms' },
      { figure: 'hot-last-click-missed', value: missed, unit: '', atMost: 0 },
    ]
  },
}
