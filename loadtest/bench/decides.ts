import { startCluster } from '../lib/cluster.ts'
import { runDriver } from '../lib/driver.ts'
import { type Run, visitors } from './run.ts'

const names = ['decides-per-second', 'decides-per-second-many-clients']

/** How many decisions a second one client process gets out of one node. */
export async function decides({ figures, seconds }: Run): Promise<void> {
  await figures.take(names, async () => {
    const cluster = await startCluster()
    try {
      const url = cluster.nats.url
      const common = { url, seconds: seconds / 3, visitors }
      const fleet = await runDriver('decides', { ...common, clients: 64, concurrency: 256 })
      figures.add({
        figure: 'decides-per-second-many-clients',
        value: fleet.perSecond ?? null,
        unit: '/s',
        with: { clients: 64, concurrency: 4, p99: `${(fleet.p99 ?? 0).toFixed(1)} ms` },
      })
      const one = await runDriver('decides', { ...common, clients: 1, concurrency: 1_024 })
      if (one.wrong !== 0 || fleet.wrong !== 0) throw new Error('some decides were not answered')
      figures.add({
        figure: 'decides-per-second',
        value: one.perSecond ?? null,
        unit: '/s',
        atLeast: 100_000,
        with: { clients: 1, concurrency: 1_024, p99: `${(one.p99 ?? 0).toFixed(1)} ms` },
      })
    } finally {
      await cluster.stop()
    }
  })
}
