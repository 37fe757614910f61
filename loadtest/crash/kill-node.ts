import { setTimeout as sleep } from 'node:timers/promises'
import { startCluster } from '../lib/cluster.ts'
import { runDriver } from '../lib/driver.ts'
import type { Figures } from '../lib/figures.ts'
import { digestsThatDiffer, heldNumbers } from './held.ts'

const names = ['events-lost', 'events-doubled', 'events-reordered', 'digests-that-differ']
const scenario = 'kill-node'

/** A decide answers by its deadline of 400 ms; timers of a busy machine are late. */
const decideMaxMs = 500

/** kill -9 of the node every few seconds, under load. */
export async function killNode(figures: Figures, seconds: number): Promise<void> {
  await figures.take(names, async () => {
    const cluster = await startCluster()
    try {
      const driver = runDriver('numbered-events', {
        url: cluster.nats.url,
        seconds,
        rate: 2_000,
        visitors: 500,
      })
      const end = Date.now() + seconds * 1_000
      let kills = 0
      while (Date.now() < end - 3_000) {
        await sleep(2_000 + Math.random() * 2_000)
        await cluster.stopNode('SIGKILL')
        kills++
        await cluster.startNode()
      }
      const { recorded = 0, acknowledged = 0, failed, slowestDecide = 0 } = await driver
      if (failed !== 0 || kills === 0) throw new Error(`${failed} events failed, ${kills} kills`)
      const { distinct, doubled, reordered } = await heldNumbers(cluster.adminUrl)
      const conditions = { scenario, kills, events: recorded }
      const figure = (name: string, value: number) =>
        figures.add({ figure: name, value, unit: '', atMost: 0, with: conditions })
      figure('events-lost', acknowledged - distinct)
      figure('events-doubled', doubled)
      figure('events-reordered', reordered)
      figure('digests-that-differ', await digestsThatDiffer(cluster))
      figures.add({
        figure: 'slowest-decide',
        value: slowestDecide,
        unit: 'ms',
        atMost: decideMaxMs,
        with: conditions,
      })
    } finally {
      await cluster.stop()
    }
  })
}
