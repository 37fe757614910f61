import { connect } from '@halfsecond/client'
import { type Cluster, startCluster } from '../lib/cluster.ts'
import { runDriver, startBackground } from '../lib/driver.ts'
import { type Run, visitors } from './run.ts'

const names = ['copy-arrival-p99', 'merge-storm-ratio', 'split-node-time']

/** Pairs of turns of which the median counts: this machine is noisy. */
const pairs = 5

/** Logins a second of a storm, each of which hands a copy to another shard. */
const stormRate = 100

/** Persons who log in during a storm: each comes with a handful of browsers, one after the other. */
const customers = 200

/** Clicks a second whose decides a storm must not slow. */
const clickRate = 300

/** The driver of a storm has started by then: loading a program is not what a login costs. */
const gatheringMs = 2_000

/** Drivers start anew for each turn: in their first two seconds half of the late clicks are theirs. */
const warmUpSeconds = 2

/** What it costs that several identifiers are one person. */
export async function recognition({ figures, seconds }: Run): Promise<void> {
  await figures.take(names, async () => {
    const cluster = await startCluster()
    try {
      const { url } = cluster.nats
      const arrival = await runDriver('copy-arrival', { url, rate: 100, seconds: seconds / 3 })
      figures.add({
        figure: 'copy-arrival-p99',
        value: arrival.p99 ?? null,
        unit: 'ms',
        atMost: 50,
        with: { rate: 100, p50: `${(arrival.p50 ?? 0).toFixed(2)} ms` },
      })
      await mergeStorm(cluster, seconds / 3, { figures })
      await splitCost(cluster, { figures })
    } finally {
      await cluster.stop()
    }
  })
}

/** The p99 of strangers' decides beside a storm of logins, by that of decides alone. */
async function mergeStorm(
  cluster: Cluster,
  seconds: number,
  { figures }: Pick<Run, 'figures'>,
): Promise<void> {
  const { url } = cluster.nats
  const click = {
    url,
    visitors,
    rate: clickRate,
    seconds: seconds + warmUpSeconds,
    warmUpSeconds,
  }
  const logins = { url, rate: stormRate, customers }
  // What is measured is a node whose code is compiled, in both turns of a pair.
  await runDriver('click-to-content', click)
  await runDriver('merges', { ...logins, seconds })
  const alone: number[] = []
  const beside: number[] = []
  let reached = Number.POSITIVE_INFINITY
  for (let pair = 0; pair < pairs; pair++) {
    const quiet = await runDriver('click-to-content', click)
    const storm = startBackground('merges', {
      ...logins,
      seconds: seconds * 2 + warmUpSeconds + gatheringMs / 1_000,
    })
    await new Promise<void>((resolve) => setTimeout(resolve, gatheringMs))
    const stormy = await runDriver('click-to-content', click)
    storm.finish()
    reached = Math.min(reached, (await storm.ended).rate ?? 0)
    alone.push(quiet.p99 ?? Number.NaN)
    beside.push(stormy.p99 ?? Number.NaN)
  }
  const ratios = beside.map((p99, pair) => p99 / (alone[pair] ?? Number.NaN)).sort(byNumber)
  figures.add({
    figure: 'merge-storm-ratio',
    value: middleOf(ratios) ?? null,
    unit: '×',
    atMost: 1.25,
    with: {
      merges: `${reached.toFixed(0)}/s`,
      clicks: `${clickRate}/s`,
      alone: `${middleOf(alone)?.toFixed(1)} ms`,
      beside: `${middleOf(beside)?.toFixed(1)} ms`,
      pairs,
      of: ratios.map((one) => one.toFixed(2)).join(' '),
    },
  })
}

function middleOf(values: readonly number[]): number | undefined {
  return values.toSorted(byNumber)[values.length >> 1]
}

function byNumber(a: number, b: number): number {
  return a - b
}

/** Processor time of the node for splitting a profile of 10,000 events. */
async function splitCost(cluster: Cluster, { figures }: Pick<Run, 'figures'>): Promise<void> {
  const events = 10_000
  const client = connect(cluster.nats.url, { channel: 'web' })
  await client.ready(30_000)
  const web = client.visitor({ anon: 'much-used' })
  await web.identify({ user: 'busy' })
  const tracked = Array.from({ length: events }, (_, i) =>
    client.visitor({ anon: 'much-used' }).track('page', { path: `/${i}`, referrer: '' }),
  )
  await Promise.all(tracked)
  await client.close()
  await new Promise<void>((resolve) => setTimeout(resolve, 3_000))
  const before = await cpuSeconds(cluster)
  const response = await fetch(`${cluster.adminUrl}/v1/profiles/split`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ a: 'anon:much-used', b: 'user:busy', by: 'bench' }),
  })
  if (!response.ok) throw new Error(`the split was refused: ${await response.text()}`)
  const after = await cpuSeconds(cluster)
  figures.add({
    figure: 'split-node-time',
    value: (after - before) * 1_000,
    unit: 'ms',
    atMost: 200,
    with: { events },
  })
}

async function cpuSeconds(cluster: Cluster): Promise<number> {
  const seconds = (await cluster.metrics()).get('process_cpu_seconds_total')
  if (seconds === undefined) throw new Error('the node tells no processor time')
  return seconds
}
