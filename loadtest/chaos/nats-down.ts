import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from './scenario.ts'

const healMaxMs = 60_000

/** With all of NATS away, a node that holds every shard answers over HTTP from its memory. */
export const natsDown: Scenario = {
  about: 'all nats-servers are stopped: over HTTP decides go on from memory',
  bounds: { decideP99: 150, defaultRatio: 0 },
  cluster: { node: () => ({ env: { HALFSECOND_STANDBYS: '2' } }) },
  load: (cluster) => ({ url: cluster.nodes[0]?.url ?? '', rate: 200 }),
  async run({ cluster, seconds, fault }) {
    const { nodes, nats, watch } = cluster
    await Promise.all(nats.servers.map((server) => server.stop('SIGKILL')))
    fault('stopped all of NATS')
    await sleep(seconds * 1_000)
    await Promise.all(nats.servers.map((server) => server.start()))
    await watch.redundant(
      healMaxMs,
      nodes.map(({ id }) => id),
    )
    return (load) => [{ figure: 'stale-answers', value: load.stale ?? null, unit: '', atLeast: 1 }]
  },
}
