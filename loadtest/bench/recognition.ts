import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@halfsecond/client'
import { type Cluster, startCluster } from '../lib/cluster.ts'
import { runDriver, startBackground, startRoomy } from '../lib/driver.ts'
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

/** A storm has begun by then: loading its driver is not what a login costs. */
const gatheringSeconds = 2

/** What a storm left to be written is written by then. */
const settlingSeconds = 2

/** Code is compiled by then, and memory has grown: what is measured is a node that runs for a while. */
const warmUpSeconds = 20

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

/**
 * The p99 of strangers' decides beside a storm of logins, by that of decides alone. Who clicks stays
 * for all turns, as a channel server would: one that has just started is late by itself.
 */
async function mergeStorm(
  cluster: Cluster,
  seconds: number,
  { figures }: Pick<Run, 'figures'>,
): Promise<void> {
  const { url } = cluster.nats
  const pairSeconds = seconds * 2 + gatheringSeconds + settlingSeconds
  // Drivers are told when to finish: this long is only for one that nobody tells.
  const most = { seconds: warmUpSeconds * 2 + pairSeconds * pairs * 2 }
  const clicks = startRoomy('click-to-content', { url, visitors, rate: clickRate, ...most })
  const startStorm = () => startBackground('merges', { url, rate: stormRate, customers, ...most })
  const p99OfTurn = async () => {
    await clicks.ask()
    await sleep(seconds * 1_000)
    return (await clicks.ask()).p99 ?? Number.NaN
  }
  const warmUp = startStorm()
  await sleep(warmUpSeconds * 1_000)
  warmUp.finish()
  await warmUp.ended
  const alone: number[] = []
  const beside: number[] = []
  let reached = Number.POSITIVE_INFINITY
  for (let pair = 0; pair < pairs; pair++) {
    await sleep(settlingSeconds * 1_000)
    alone.push(await p99OfTurn())
    const storm = startStorm()
    await sleep(gatheringSeconds * 1_000)
    beside.push(await p99OfTurn())
    storm.finish()
    reached = Math.min(reached, (await storm.ended).rate ?? 0)
  }
  clicks.finish()
  await clicks.ended
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
  await sleep(3_000)
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
