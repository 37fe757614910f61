import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { encode, encodeBatch, type Identifier, shardOf } from '@halfsecond/protocol'
import { readConfig } from '../../node/src/config.ts'
import { type RunningNode, startNode } from '../../node/src/node.ts'

/** A record as a channel sends it. */
export interface Told {
  readonly key: Identifier
  readonly [field: string]: unknown
}

/** Records of a batch. */
const batchRecords = 256

/** How often it is looked whether a node came to rest, and how many looks in a row must say so. */
const lookMs = 250
const quietLooks = 4
const quietMaxMs = 300_000

/** A node with no server beside it, in this process: so that what it does can be measured from within. */
export class NodeHere {
  readonly node: RunningNode
  private readonly folder: string
  private readonly shards: number
  private readonly numbers: number[]
  /** By shard, the sequence of the last batch. */
  private readonly told: number[] = []

  private constructor(node: RunningNode, folder: string) {
    this.node = node
    this.folder = folder
    this.shards = node.api.replicas().length
    this.numbers = Array.from({ length: this.shards }, () => 1)
  }

  static async start(playbook: string): Promise<NodeHere> {
    const folder = await mkdtemp(join(tmpdir(), 'halfsecond-bench-'))
    try {
      const flags = { port: '0', adminPort: '0', logLevel: 'silent', dataDir: folder }
      const { config } = readConfig({}, flags)
      const node = await startNode(config, { output: { write: () => {} } })
      await node.api.publishPlaybook(playbook)
      return new NodeHere(node, folder)
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** Writes records into the logs of their keys' shards; resolves once all are acknowledged. */
  async tell(records: readonly Told[]): Promise<void> {
    const byShard = Map.groupBy(records, ({ key }) => shardOf(key, this.shards))
    await Promise.all(
      Array.from(byShard, async ([shard, some]) => {
        for (let i = 0; i < some.length; i += batchRecords) {
          const part = some.slice(i, i + batchRecords)
          const first = this.numbers[shard] ?? 1
          this.numbers[shard] = first + part.length
          const bytes = part.map((record) => encode(record))
          const batch = encodeBatch('bench', first, bytes)
          this.told[shard] = (await this.node.api.publish(shard, batch)).sequence
        }
      }),
    )
  }

  /** Until everything is folded, told between shards, and on disk. */
  async quiet(): Promise<void> {
    const { api } = this.node
    const end = performance.now() + quietMaxMs
    const look = async () => {
      await sleep(lookMs)
      if (performance.now() > end) throw new Error('the node does not come to rest')
      return api.replicas()
    }
    // Ticks go on for ever, and change no facts.
    let facts = ''
    for (let same = 0; same < quietLooks; same++) {
      const now = (await look()).map(({ digest }) => digest).join(' ')
      if (now !== facts) same = 0
      facts = now
    }
    while ((await look()).some(({ shard, flushed }) => flushed < (this.told[shard] ?? 0)));
  }

  async stop(): Promise<void> {
    await this.node.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}
