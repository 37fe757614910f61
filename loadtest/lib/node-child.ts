import { readConfig } from '../../node/src/config.ts'
import { startNode } from '../../node/src/node.ts'

/*
 * A node as a process of its own, configured by its environment like every node; tells its parent
 * where it listens. Ends with SIGTERM, or with its parent.
 */
const { config } = readConfig(process.env)
const node = await startNode(config, { output: process.stderr })
process.send?.({ url: node.url, adminUrl: node.adminUrl })

const stop = () => void node.close().then(() => process.exit(0))
process.once('SIGTERM', stop)
process.once('disconnect', stop)
