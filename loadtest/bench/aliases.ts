import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNatsServer } from '../../deploy/nats-server/run.ts'
import { publishPlaybook } from '../lib/cluster.ts'
import { runDriver } from '../lib/driver.ts'
import { NodeProcess } from '../lib/node-process.ts'
import type { Run } from './run.ts'

const names = ['alias-decide-ratio']
const playbook = new URL('../playbook.yaml', import.meta.url)

/** Two nodes share the shards, and each is on one of them: so half of the cookies are passed on. */
const shared = { HALFSECOND_SHARDS: '16', HALFSECOND_STANDBYS: '0' }

/**
 * What it costs that a known customer comes with their cookie: decides by the cookie and by the
 * account, in turn. Three of four take at most the time that is compared.
 */
export async function aliases({ figures, seconds }: Run): Promise<void> {
  for (const count of [1, 2]) {
    await figures.take(names, async () => {
      const dir = await mkdtemp(join(tmpdir(), 'halfsecond-load-'))
      const nats = await startNatsServer({ storeDir: join(dir, 'nats') })
      const nodes = Array.from({ length: count }, (_, i) => {
        const id = `node-${i + 1}`
        return new NodeProcess({ natsUrl: nats.url, dataDir: join(dir, id), id, env: shared })
      })
      try {
        for (const node of nodes) await node.start()
        await publishPlaybook(nodes[0]?.adminUrl ?? '', await readFile(playbook, 'utf8'))
        const options = { url: nats.url, customers: 500, seconds: seconds / 3 }
        const run = await runDriver('aliases', options)
        figures.add({
          figure: 'alias-decide-ratio',
          value: run.ratio ?? null,
          unit: '×',
          atMost: 2,
          with: {
            nodes: count,
            account: `${(run.account ?? 0).toFixed(2)} ms`,
            cookie: `${(run.cookie ?? 0).toFixed(2)} ms`,
            decides: (run.taken ?? 0) * 2,
            staleOrWrong: run.wrong ?? 0,
          },
        })
      } finally {
        await Promise.all(nodes.map((node) => node.stop('SIGKILL')))
        await nats.stop()
        await rm(dir, { recursive: true, force: true })
      }
    })
  }
}
