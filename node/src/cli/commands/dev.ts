import { join, relative, resolve } from 'node:path'
import { withoutCredentials } from '@halfsecond/protocol'
import type { Command } from 'commander'
import { demoPage, isDemoVisitor } from '../../demo/demo-page.ts'
import { lastPublishedIn } from '../last-published.ts'
import { PlaybookWatcher } from '../playbook-watcher.ts'
import { printLine } from '../print.ts'
import { type Served, type ServeOptions, serve, stop, untilStopped } from '../serve.ts'
import { type Surroundings, userOf } from '../surroundings.ts'

const examplePlaybook = join(import.meta.dirname, '../../../playbooks/fernhill.yaml')

/** State of an embedded node and of one on NATS must not mix. */
const dataOnNats = './data/nats/node'

interface DevOptions extends ServeOptions {
  readonly playbook?: string
  readonly nats?: string
}

export function addDev(program: Command, around: Surroundings): void {
  program
    .command('dev')
    .description(
      'run a node in this process, with no server to install; saving a playbook publishes it',
    )
    .option('--playbook <file>', 'the playbook (default: the example of a shop)')
    .option('--data <folder>', 'where all state lies (default: HALFSECOND_DATA, else ./data)')
    .option('--port <port>', 'public port (default: HALFSECOND_PORT, else 7500; 0: any)')
    .option('--admin-port <port>', 'admin port (default: HALFSECOND_ADMIN_PORT, else 7501; 0: any)')
    .option('--nats <url>', 'keep the log on this NATS server instead of in this process')
    .action(async (options: DevOptions) => {
      const { nats } = options
      const data = options.data ?? (around.env.HALFSECOND_DATA || (nats && dataOnNats))
      const served = await serve({ ...options, ...(data && { data }) }, nats, around, {
        pages: new Map([['/', demoPage()]]),
        isExplained: isDemoVisitor,
      })
      try {
        await watched(served, options, around)
      } finally {
        await stop(served.node, around)
      }
    })
}

async function watched(served: Served, options: DevOptions, around: Surroundings): Promise<void> {
  const { config, node } = served
  const { api } = node
  const file = options.playbook ?? relative('', examplePlaybook)
  const tell = (text: string) => printLine(around.output, text)
  const watcher = new PlaybookWatcher(file, {
    // Whoever saves a file looks at the page: a trial would only keep them waiting.
    publish: (text) => api.publishing.publish(text, { by: userOf(around), isTried: false }),
    active: () => api.playbook(),
    last: lastPublishedIn(config.dataDir),
    tell,
  })
  await watcher.start()
  try {
    tell('halfsecond is ready; Ctrl-C stops it')
    tell(`  look here  ${node.url}/  (docs: ${node.url}/docs)`)
    tell(`  admin      ${node.adminUrl}  (profiles, why, metrics)`)
    tell(
      `  state      ${resolve(config.dataDir)}${options.nats ? `, log on ${withoutCredentials(options.nats)}` : ''}`,
    )
    tell(`  playbook   ${file}: saving it publishes it`)
    await untilStopped(around)
  } finally {
    await watcher.close()
  }
}
