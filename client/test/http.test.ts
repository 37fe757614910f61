import { clientSuite, suitePlaybook } from './suites/client-suite.ts'
import { startTestNode } from './support/test-node.ts'

clientSuite('an embedded node, by HTTP', async () => {
  const { node, stop } = await startTestNode(suitePlaybook)
  const publish = (playbook: string) => node.api.publishPlaybook(playbook)
  return { url: node.url, options: {}, publish, stop }
})
