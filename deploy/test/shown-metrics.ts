import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../node/src/config.ts'
import { startNode } from '../../node/src/node.ts'

/** Names of all metrics that a real node describes at `/metrics`. */
export async function shownMetrics(): Promise<ReadonlySet<string>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'halfsecond-metrics-'))
  const ports = { port: '0', adminPort: '0' }
  const flags = { ...ports, dataDir, shards: '2', memoryBytes: '16MiB', logLevel: 'silent' }
  const { config } = readConfig({}, flags)
  const node = await startNode(config, { output: { write: () => {} } })
  const answer = await fetch(`${node.adminUrl}/metrics`)
  const text = await answer.text()
  await node.close()
  await rm(dataDir, { recursive: true })
  return new Set([...text.matchAll(/^# HELP (\S+)/gm)].map(([, name = '']) => name))
}
