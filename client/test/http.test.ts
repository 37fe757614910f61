import { clientSuite, suitePlaybook } from './suites/client-suite.ts'
import { startTestNode } from './support/test-node.ts'

clientSuite('an embedded node, by HTTP', async () => {
  const { node, stop } = await startTestNode(suitePlaybook)
  return { url: node.url, options: {}, stop }
})
