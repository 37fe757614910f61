import { readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { ChaosCluster } from '../chaos/cluster.ts'
import { publishPlaybook } from '../lib/cluster.ts'
import type { Figures } from '../lib/figures.ts'
import { runK6 } from '../lib/k6.ts'
import { Prometheus } from './prometheus.ts'
import { reportOf } from './report.ts'

export interface FailureRun {
  readonly figures: Figures
  /** Clicks a second. */
  readonly rate: number
  /** Of each phase. */
  readonly seconds: number
  /** File of the report. */
  readonly report: string
}

const shards = 64

/** The one that k6's script knows. */
const playbook = new URL('../playbook.yaml', import.meta.url)

/** k6 at one rate while a node is killed and another is added; Prometheus scrapes the nodes meanwhile. */
export async function underFailure({ figures, rate, seconds, report }: FailureRun): Promise<void> {
  const cluster = await ChaosCluster.start({ shards })
  try {
    await publishPlaybook(cluster.adminUrl, await readFile(playbook, 'utf8'))
    const added = cluster.newNode()
    const victim = cluster.nodes[1]
    if (victim === undefined) throw new Error('a cluster has three nodes')
    const nodes = cluster.nodes.filter((node) => node !== added)
    const urls = nodes.map(({ url }) => url)
    await runK6(urls, rate, [{ name: 'warm-up', seconds: 5 }])
    const prometheus = await Prometheus.start(cluster.dir, nodes)
    const phases = ['steady', 'killed', 'added'].map((name) => ({ name, seconds }))
    const started = Date.now()
    const running = runK6(urls, rate, phases)
    await sleep(seconds * 1_000)
    await victim.stop('SIGKILL')
    figures.note(`${victim.id} was killed`)
    await sleep(seconds * 1_000)
    await added.start()
    await prometheus.scrape(cluster.nodes)
    figures.note(`${added.id} was added`)
    const run = await running
    for (const { name, p50, p99, max } of run.phases) {
      figures.add({
        figure: 'k6-click-to-content-p99',
        value: p99,
        unit: 'ms',
        atMost: 500,
        with: { scenario: name, rate, p50: `${p50} ms`, slowest: `${max} ms` },
      })
    }
    const conditions = { scenario: 'under failure', rate, clicks: run.iterations }
    for (const [figure, value] of [
      ['k6-last-click-missed', run.missed],
      ['k6-not-started-in-time', run.dropped],
    ] as const)
      figures.add({ figure, value, unit: '', atMost: 0, with: conditions })
    const series = await prometheus.series(started, Date.now())
    await prometheus.stop()
    await writeFile(report, reportOf({ rate, seconds, phases: run.phases, started, series }))
    figures.note(`report: ${report}`)
  } finally {
    await cluster.stop()
  }
}
