import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNatsServer } from '../../deploy/nats-server/run.ts'
import { realNatsServer } from '../../deploy/test/requirements.ts'
import { clientSuite, suitePlaybook } from './suites/client-suite.ts'
import { startTestNode, tokenKeys } from './support/test-node.ts'

clientSuite(
  'a node on a real nats-server',
  async () => {
    const storeDir = await mkdtemp(join(tmpdir(), 'halfsecond-client-'))
    const server = await startNatsServer({ storeDir })
    const { node, stop } = await startTestNode(suitePlaybook, server.url)
    const stopAll = async () => {
      await stop()
      await server.stop()
      await rm(storeDir, { recursive: true })
    }
    const publish = (playbook: string) => node.api.publishPlaybook(playbook)
    return { url: server.url, options: { tokenKeys }, publish, stop: stopAll }
  },
  realNatsServer,
)
