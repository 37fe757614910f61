import { setTimeout as sleep } from 'node:timers/promises'
import { type Pause, pausesIn } from '../lib/pauses.ts'
import { streamLeaders } from './nats-leaders.ts'
import type { Scenario } from './scenario.ts'

const everyMs = 30_000
const downMs = 5_000

interface Kill {
  readonly at: number
  readonly led: readonly number[]
}

/** kill -9 of one nats-server after the other: streams that it led elect another leader. */
export const killNats: Scenario = {
  about: 'kill -9 of one nats-server every 30 s, started again after 5 s',
  bounds: { decideP999: 500, defaultRatio: 0.001 },
  async run({ cluster, shards, until, fault }) {
    const { servers } = cluster.nats
    const kills: Kill[] = []
    for (let turn = 0; turn === 0 || performance.now() < until; turn++) {
      const place = turn % servers.length
      const server = servers[place]
      if (server === undefined) throw new Error('there are no servers')
      const leaders = await streamLeaders(cluster.nats.url, shards)
      const led = leaders.get(`nats-${place + 1}`) ?? []
      const killedAt = performance.now()
      kills.push({ at: Date.now(), led })
      await server.stop('SIGKILL')
      fault(`killed nats-${place + 1}, which led ${led.length} streams`)
      await sleep(downMs)
      await server.start()
      await sleep(Math.max(0, killedAt + everyMs - performance.now()))
    }
    return (load) => {
      const ingest = pausesIn(load, 'ingest')
      const tail = pausesIn(load, 'tail')
      const longest = (pauses: readonly Pause[], isLed: boolean) =>
        Math.max(0, ...pauses.filter((one) => wasLed(one, kills) === isLed).map(({ ms }) => ms))
      const figure = (name: string, value: number, streams: string, atMost?: number) => ({
        figure: name,
        value,
        unit: 'ms',
        ...(atMost !== undefined && { atMost }),
        with: { streams },
      })
      return [
        figure('ingest-pause-max', longest(ingest, true), 'led by the killed server', 12_000),
        figure('ingest-pause-max-of-others', longest(ingest, false), 'led by others'),
        figure('tail-pause-max', longest(tail, false), 'led by others', 2_000),
        figure('tail-pause-max-of-led', longest(tail, true), 'led by the killed server'),
      ]
    }
  },
}

/** Whether the server that was killed last before the end of a pause led the shard's stream. */
function wasLed({ shard, at, ms }: Pause, kills: readonly Kill[]): boolean {
  return kills.findLast((kill) => kill.at <= at + ms)?.led.includes(shard) === true
}
