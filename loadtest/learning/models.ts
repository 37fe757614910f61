import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@halfsecond/client'
import { subjects } from '@halfsecond/protocol'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect as connectNats } from '@nats-io/transport-node'
import { compilePlaybook } from '../../node/src/playbook/compile-playbook.ts'
import { ChaosCluster } from '../chaos/cluster.ts'
import { publishPlaybook } from '../lib/cluster.ts'
import type { Figures } from '../lib/figures.ts'
import { replayModels } from './model-replay.ts'
import type { Run } from './run.ts'
import { letShop } from './shoppers.ts'

const playbookPath = new URL('./models.yaml', import.meta.url)

/** Each node leads one or two of them. */
const shards = 4

const readyMaxMs = 60_000
const healMaxMs = 90_000

/** Versions come every ten seconds; the publisher may be killed again and again. */
const versionMaxMs = 60_000

/**
 * Whether a version's content follows from the logs, whoever published it: nodes that lead shards and
 * publish are killed and drained, and every version is then made again from the logs alone.
 */
export async function models({
  figures,
  versions,
}: Pick<Run, 'figures' | 'versions'>): Promise<void> {
  await figures.take(['models-under-kills', 'model-contents-a-number'], async () => {
    const text = await readFile(playbookPath, 'utf8')
    const cluster = await ChaosCluster.start({ shards })
    const client = connect(cluster.nats.url, { channel: 'web' })
    const seen = await Seen.start(cluster.nats.url)
    try {
      await publishPlaybook(cluster.adminUrl, text)
      await client.ready(readyMaxMs)
      let isOver = false
      const shopping = letShop(client, () => isOver)
      const faults = await disturb(cluster, seen, versions, figures)
      isOver = true
      const { shown, failed, model } = await shopping
      const replayed = await replayModels(cluster.nats.url, shards, compilePlaybook(text))
      for (const one of replayed.models) seen.add(one.version, one.bytes)
      const { differing, trials } = replayed
      for (const version of differing)
        figures.note(`version ${version} does not follow from the logs`)
      const conditions = {
        scenario: 'models-under-kills',
        versions: replayed.models.length,
        ...faults,
        shown,
        failed,
        trials: Math.round(trials),
        decidedWith: model,
      }
      const add = (figure: string, value: number, bound: { atMost?: number; atLeast?: number }) =>
        figures.add({ figure, value, unit: '', ...bound, with: conditions })
      add('models-under-kills', differing.length, { atMost: 0 })
      add('model-contents-a-number', seen.contentsMax, { atMost: 1 })
      add('model-versions', replayed.models.length, { atLeast: versions })
      add('kills', faults.kills, { atLeast: 1 })
    } finally {
      await Promise.all([client.close(0), seen.close()])
      await cluster.stop()
    }
  })
}

/** Kills one node after the other, and drains one in between, until so many versions were published. */
async function disturb(
  cluster: ChaosCluster,
  seen: Seen,
  versions: number,
  figures: Figures,
): Promise<{ kills: number; drains: number }> {
  const { nodes, watch } = cluster
  const faults = { kills: 0, drains: 0 }
  const all = nodes.map(({ id }) => id)
  await seen.until(1)
  for (let turn = 0; seen.newest < versions; turn++) {
    const node = nodes[turn % nodes.length]
    if (node === undefined) throw new Error('there are no nodes')
    const before = seen.newest
    if (turn % 2 === 0) {
      watch.lost(node.id)
      await node.stop('SIGKILL')
      faults.kills++
      figures.note(`models: version ${before}, killed ${node.id}`)
      await node.start()
    } else {
      await cluster.admin(`/v1/cluster/nodes/${node.id}/drain`, {})
      faults.drains++
      figures.note(`models: version ${before}, drained ${node.id}`)
      await seen.until(before + 1)
      await cluster.admin(`/v1/cluster/nodes/${node.id}/undrain`, {})
    }
    await watch.redundant(healMaxMs, all)
    await seen.until(before + 1)
  }
  return faults
}

/** The contents that whoever asks is told for each number, at different times and by any server. */
class Seen {
  newest = 0
  private readonly contents = new Map<number, Set<string>>()
  private readonly connection: Awaited<ReturnType<typeof connectNats>>
  private isClosed = false
  private readonly looking: Promise<void>

  private constructor(connection: Seen['connection']) {
    this.connection = connection
    this.looking = this.look()
  }

  static async start(url: string): Promise<Seen> {
    return new Seen(await connectNats({ servers: url.split(','), noAsyncTraces: true }))
  }

  get contentsMax(): number {
    return Math.max(0, ...Array.from(this.contents.values(), ({ size }) => size))
  }

  add(version: number, bytes: Uint8Array): void {
    this.newest = Math.max(this.newest, version)
    const text = Buffer.from(bytes).toString('base64')
    const known = this.contents.get(version)
    if (known === undefined) this.contents.set(version, new Set([text]))
    else known.add(text)
  }

  /** Resolves once this version was published. */
  async until(version: number): Promise<void> {
    for (const end = performance.now() + versionMaxMs; this.newest < version; ) {
      if (performance.now() > end) throw new Error(`nobody publishes version ${version}`)
      await sleep(100)
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.looking
    await this.connection.close()
  }

  private async look(): Promise<void> {
    const manager = await jetstreamManager(this.connection, { checkAPI: false })
    while (!this.isClosed) {
      try {
        const about = { last_by_subj: subjects.model }
        const found = await manager.direct.getMessage(subjects.modelStream, about)
        if (found !== null) this.add(found.seq, found.data)
      } catch {
        // Nothing was published yet, or a server is electing: the next look finds it.
      }
      await sleep(250)
    }
  }
}
