import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../../node/src/config.ts'
import { type RunningNode, startNode } from '../../../node/src/node.ts'

export const tokenKeys = `t1:${Buffer.alloc(32, 3).toString('base64')}`

/** A real node in this process, with a playbook and a folder of its own. */
export async function startTestNode(
  playbook: string,
  natsUrl?: string,
): Promise<{ node: RunningNode; stop(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'halfsecond-client-'))
  const { config } = readConfig(
    {},
    {
      dataDir,
      natsUrl,
      tokenKeys,
      port: '0',
      adminPort: '0',
      shards: '4',
      memoryBytes: '32MiB',
      nodeId: 'test',
      logLevel: 'error',
    },
  )
  const node = await startNode(config, { output: process.stderr })
  await node.api.publishPlaybook(playbook)
  const stop = async () => {
    await node.close()
    await rm(dataDir, { recursive: true })
  }
  return { node, stop }
}
