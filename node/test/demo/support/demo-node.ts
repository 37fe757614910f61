import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { onTestFinished } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { demoPage, isDemoVisitor } from '../../../src/demo/demo-page.ts'
import { type RunningNode, startNode } from '../../../src/node.ts'

const playbook = join(import.meta.dirname, '..', '..', '..', 'playbooks', 'fernhill.yaml')

/** An embedded node with the page of the first run and the example playbook, for one test. */
export async function startDemoNode(): Promise<RunningNode> {
  const dataDir = await mkdtemp(join(tmpdir(), 'halfsecond-demo-'))
  onTestFinished(() => rm(dataDir, { recursive: true }))
  const { config } = readConfig({}, { dataDir, port: '0', adminPort: '0', logLevel: 'error' })
  const node = await startNode(config, {
    output: new Writable({ write: (_line, _encoding, done) => done() }),
    pages: new Map([['/', demoPage()]]),
    isExplained: isDemoVisitor,
  })
  onTestFinished(() => node.close())
  await node.api.publishPlaybook(await readFile(playbook, 'utf8'))
  return node
}
