import { setTimeout as sleep } from 'node:timers/promises'
import { type Result, startDriver } from '../lib/driver.ts'
import { Latencies } from '../lib/latencies.ts'
import { ChaosCluster } from './cluster.ts'
import { replayLog } from './log-replay.ts'
import type { Findings, Run, Scenario, Stage } from './scenario.ts'

const visitors = 2_000
const askRate = 100

/** Faults of slow machines end later than planned; the load goes on until they have. */
const longestSeconds = 900

/** After the last fault everything must be whole again within this time. */
const healMaxMs = 120_000

const settleMaxMs = 30_000

const namesOfAll = [
  'faults',
  'events-lost',
  'events-doubled',
  'events-reordered',
  'decide-errors',
  'default-content-ratio',
  'decide-p99',
  'decide-p999',
  'last-click-missed',
  'stale-marked-fresh',
  'digests-that-differ',
]

/** Breaks a cluster under load, mends it, and judges the run by its log. */
export async function runScenario(name: string, scenario: Scenario, run: Run): Promise<void> {
  const { figures, seconds, rate, shards, warmUpSeconds = 8 } = run
  await figures.take(
    namesOfAll,
    async () => {
      const cluster = await ChaosCluster.start({ shards, ...scenario.cluster })
      let faults = 0
      try {
        const load = startDriver('visits', {
          url: cluster.nats.url,
          seconds: longestSeconds,
          prefix: 'n',
          rate,
          askRate,
          visitors,
          shards,
          warmUpSeconds,
          ...scenario.load?.(cluster),
        })
        // It is awaited below, unless breaking things fails first.
        load.ended.catch(() => {})
        await sleep(warmUpSeconds * 1_000)
        const stage: Stage = {
          ...run,
          cluster,
          until: performance.now() + seconds * 1_000,
          fault: (what) => {
            faults++
            figures.note(`${name}: ${what}`)
          },
        }
        const findings = await scenario.run(stage)
        await cluster.watch.redundant(healMaxMs)
        load.finish()
        const result = await load.ended
        await judge({ name, scenario, stage, faults, findings, result })
      } finally {
        await cluster.stop()
      }
    },
    { scenario: name },
  )
}

interface Ended {
  readonly name: string
  readonly scenario: Scenario
  readonly stage: Stage
  readonly faults: number
  readonly findings: Findings
  readonly result: Result
}

async function judge({ name, scenario, stage, faults, findings, result }: Ended): Promise<void> {
  const { figures, cluster, shards } = stage
  const { bounds, faultsLeast = 1 } = scenario
  const of = (key: string) => result[key] ?? Number.NaN
  const conditions = {
    scenario: name,
    rate: stage.rate,
    nodes: cluster.nodes.length,
    seconds: Math.round(of('seconds')),
  }
  const add = (figure: string, value: number, unit: string, atMost?: number, more = {}) =>
    figures.add({
      figure,
      value,
      unit,
      ...(atMost !== undefined && { atMost }),
      with: { ...conditions, ...more },
    })
  figures.add({ figure: 'faults', value: faults, unit: '', atLeast: faultsLeast, with: conditions })
  if (of('failed') > 0) figures.note(`${of('failed')} events were given up`)
  const log = await replayLog(cluster.nats.url, shards)
  const lost = of('failed') > 0 ? of('acknowledged') - log.distinct : log.absent
  add('events-lost', Math.max(0, lost), '', 0, { events: of('recorded') })
  add('events-doubled', log.doubled + of('ahead'), '', 0)
  add('events-reordered', log.reordered, '', 0)
  add('decide-errors', of('errors'), '', 0, { decides: of('decided') })
  add('default-content-ratio', of('defaults') / of('decided'), '', bounds.defaultRatio)
  const timing = { p50: `${of('p50').toFixed(1)} ms`, hedges: of('hedges') }
  add('decide-p99', of('p99'), 'ms', bounds.decideP99, timing)
  add('decide-p999', of('p999'), 'ms', bounds.decideP999, {
    slowest: Math.round(of('slowest')),
    late: of('late'),
  })
  add('last-click-missed', of('missed'), '', bounds.lastClickMissed ?? 0, {
    staleAndBehind: of('behind'),
  })
  add('stale-marked-fresh', of('staleMarkedFresh'), '', 0, { asked: of('asked') })
  const { promotions } = cluster.watch
  if (promotions.length > 0) {
    const times = new Latencies()
    for (const ms of promotions) times.add(ms)
    add('promotion-p99', times.quantile(0.99), 'ms', 2_000, { promotions: promotions.length })
  }
  for (const extra of findings(result))
    figures.add({ ...extra, with: { ...conditions, ...extra.with } })
  add('digests-that-differ', await differing(stage, log.shards), '', 0)
}

/** Replicas that do not hold what a bare fold of the log gives, once they have all of it. */
async function differing(
  { cluster, figures }: Stage,
  shards: readonly { readonly last: number; readonly digest: string }[],
): Promise<number> {
  let differ: string[] = []
  for (const end = performance.now() + settleMaxMs; performance.now() < end; await sleep(200)) {
    differ = []
    for (const node of cluster.nodes) {
      if (!node.isRunning) continue
      for (const { shard, applied, digest } of await cluster.replicas(node)) {
        const told = shards[shard]
        if (told && (applied < told.last || digest !== told.digest))
          differ.push(`${node.id} shard ${shard} at ${applied} of ${told.last}`)
      }
    }
    if (differ.length === 0) return 0
  }
  figures.note(`differ: ${differ.join(', ')}`)
  return differ.length
}
