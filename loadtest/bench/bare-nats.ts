import { fork } from 'node:child_process'
import { once } from 'node:events'
import { startCluster } from '../lib/cluster.ts'
import { runDriver } from '../lib/driver.ts'
import { type Run, visitors } from './run.ts'

const names = ['decides-over-bare-nats', 'decides-over-bare-nats-many-clients']
const rounds = 3

/** Decides against bare request and reply on the same machine: interleaved, and the ratio. */
export async function bareNats({ figures, seconds }: Run): Promise<void> {
  await figures.take(names, async () => {
    const cluster = await startCluster()
    const url = cluster.nats.url
    const path = new URL('../drivers/responder.ts', import.meta.url)
    const responder = fork(path, [JSON.stringify({ url })])
    try {
      await once(responder, 'message')
      await compare(figures, url, seconds / 9, 1, '')
      await compare(figures, url, seconds / 9, 64, '-many-clients')
    } finally {
      responder.kill()
      await cluster.stop()
    }
  })
}

async function compare(
  figures: Run['figures'],
  url: string,
  seconds: number,
  clients: number,
  suffix: string,
): Promise<void> {
  const ratios: number[] = []
  let bare = 0
  for (let round = 0; round < rounds; round++) {
    const common = { url, seconds, concurrency: 256 }
    const peer = await runDriver('bare-nats', common)
    const ours = await runDriver('decides', { ...common, clients, visitors })
    bare = peer.perSecond ?? Number.NaN
    ratios.push((ours.perSecond ?? Number.NaN) / bare)
  }
  ratios.sort((a, b) => a - b)
  figures.add({
    figure: `decides-over-bare-nats${suffix}`,
    value: ratios[rounds >> 1] ?? null,
    unit: '×',
    ...(clients === 1 && { atLeast: 3 }),
    with: { clients, concurrency: 256, bareNatsPerSecond: Math.round(bare) },
  })
}
