import { setTimeout as sleep } from 'node:timers/promises'
import { TcpProxy } from '../../client/test/support/tcp-proxy.ts'
import { answerOver } from './answer-over.ts'
import type { Scenario } from './scenario.ts'

const cutMs = 12_000
const healMaxMs = 60_000

/** One node is cut off from all nats-servers: its connections stay, and nothing comes through. */
export function partition(): Scenario {
  const proxies: TcpProxy[] = []
  return {
    about: 'one node is cut off from NATS for 12 s, while it and its connections stay',
    bounds: { decideP99: 150, decideP999: 500, defaultRatio: 0.001 },
    cluster: {
      prepare: async ({ nats }) => {
        for (const { port } of nats.servers) proxies.push(await TcpProxy.start(port))
      },
      node: (place) =>
        place === 0
          ? { natsUrl: proxies.map(({ port }) => `nats://127.0.0.1:${port}`).join(',') }
          : {},
      dispose: async () => {
        await Promise.all(proxies.map((proxy) => proxy.stop()))
      },
    },
    async run({ cluster, until, fault }) {
      const { nodes, watch } = cluster
      const [node] = nodes
      if (node === undefined) throw new Error('there are no nodes')
      let stale = 0
      let fresh = 0
      for (let turn = 0; turn === 0 || performance.now() < until; turn++) {
        watch.lost(node.id)
        for (const proxy of proxies) proxy.silence()
        await sleep(cutMs / 2)
        for (const end = performance.now() + cutMs / 2; performance.now() < end; await sleep(100)) {
          const { freshness } = await answerOver(node.url, `n${turn}`)
          if (freshness === 'fresh') fresh++
          else stale++
        }
        if (watch.ledBy(node.id).length > 0)
          throw new Error(`${node.id} leads ${watch.ledBy(node.id)} although nobody hears it`)
        for (const proxy of proxies) proxy.heal()
        fault(`cut ${node.id} off for ${cutMs / 1_000} s`)
        await watch.redundant(
          healMaxMs,
          nodes.map(({ id }) => id),
        )
      }
      return () => [
        { figure: 'fresh-while-cut-off', value: fresh, unit: '', atMost: 0, with: { stale } },
      ]
    },
  }
}
