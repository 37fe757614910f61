import { setTimeout as sleep } from 'node:timers/promises'
import { startCluster } from '../lib/cluster.ts'
import { runDriver } from '../lib/driver.ts'
import type { Figures } from '../lib/figures.ts'
import { digestsThatDiffer } from './held.ts'

const names = ['decide-errors', 'last-click-missed', 'events-lost']
const scenario = 'nats-down'

/** Default content is there by the deadline of 400 ms; timers of a busy machine are late. */
const decideMaxMs = 500

/** With nats-server stopped, HTTP decides go on from memory; NATS clients show default content. */
export async function natsDown(figures: Figures, seconds: number): Promise<void> {
  await figures.take(names, async () => {
    const cluster = await startCluster()
    try {
      const common = { seconds: seconds + 10, rate: 200 }
      const http = runDriver('clicks', { ...common, url: cluster.url })
      const nats = runDriver('clicks', { ...common, url: cluster.nats.url })
      await sleep(4_000)
      await cluster.nats.stop('SIGKILL')
      await sleep(seconds * 1_000)
      await cluster.nats.start()
      const [overHttp, overNats] = await Promise.all([http, nats])
      if ((overHttp.stale ?? 0) === 0 || (overNats.defaults ?? 0) === 0)
        throw new Error('the outage was not noticed: no stale answer, or no default content')
      const figure = (name: string, value: number, door: string) =>
        figures.add({ figure: name, value, unit: '', atMost: 0, with: { scenario, door, seconds } })
      figure('decide-errors', overHttp.defaults ?? Number.NaN, 'http')
      figure('last-click-missed', overHttp.missed ?? Number.NaN, 'http')
      figure('last-click-missed', overNats.missed ?? Number.NaN, 'nats')
      const clicks = (overHttp.clicks ?? 0) + (overNats.clicks ?? 0)
      const acknowledged = (overHttp.acknowledged ?? 0) + (overNats.acknowledged ?? 0)
      const held = await clicksHeld(cluster.adminUrl)
      if (acknowledged !== clicks) throw new Error(`${clicks - acknowledged} were given up`)
      figure('events-lost', clicks - held, 'both')
      figure('digests-that-differ', await digestsThatDiffer(cluster), 'both')
      figures.add({
        figure: 'slowest-default-content',
        value: overNats.slowest ?? null,
        unit: 'ms',
        atMost: decideMaxMs,
        with: { scenario, door: 'nats', answers: overNats.defaults ?? 0 },
      })
    } finally {
      await cluster.stop()
    }
  })
}

/** Visitors with exactly one click; each made one. */
async function clicksHeld(adminUrl: string): Promise<number> {
  const response = await fetch(`${adminUrl}/v1/export`)
  const lines = (await response.text()).split('\n')
  return lines.filter((line) => line.split('"kind":"pressed"').length === 2).length
}
