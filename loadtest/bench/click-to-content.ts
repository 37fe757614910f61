import { startCluster } from '../lib/cluster.ts'
import { runDriver } from '../lib/driver.ts'
import { type Run, visitors } from './run.ts'

const names = ['click-to-content-p99', 'last-click-missed', 'cross-channel-freshness-p99']

/** How soon the content after a click is there, on this channel and on another. */
export async function clickToContent({ figures, seconds }: Run): Promise<void> {
  await figures.take(names, async () => {
    const cluster = await startCluster()
    try {
      const url = cluster.nats.url
      const common = { url, seconds: seconds / 3, visitors }
      await runDriver('click-to-content', { ...common, seconds: 3, rate: 1_000 }) // Warms up.
      const click = await runDriver('click-to-content', { ...common, rate: 1_000 })
      if (click.errors !== 0) throw new Error(`${click.errors} decides were not answered`)
      figures.add({
        figure: 'click-to-content-p99',
        value: click.p99 ?? null,
        unit: 'ms',
        atMost: 10,
        with: { rate: 1_000, p50: `${(click.p50 ?? 0).toFixed(2)} ms` },
      })
      figures.add({
        figure: 'last-click-missed',
        value: click.missed ?? null,
        unit: '',
        atMost: 0,
        with: { clicks: click.started ?? 0 },
      })
      const other = await runDriver('freshness', { ...common, rate: 200 })
      figures.add({
        figure: 'cross-channel-freshness-p99',
        value: other.p99 ?? null,
        unit: 'ms',
        atMost: 50,
        with: { rate: 200, p50: `${(other.p50 ?? 0).toFixed(2)} ms` },
      })
    } finally {
      await cluster.stop()
    }
  })
}
