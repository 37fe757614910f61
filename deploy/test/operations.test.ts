import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../node/src/config.ts'
import { type RunningNode, startNode } from '../../node/src/node.ts'
import { execute } from '../../node/test/cli/support/command.ts'
import { useServer } from '../../node/test/nats/server.ts'
import { scratchFolder } from '../../node/test/support/scratch-folder.ts'
import { commandsIn } from './documented-commands.ts'
import { readAlerts, readOperations } from './monitoring.ts'
import { needs, realNatsServer } from './requirements.ts'

const root = join(import.meta.dirname, '..', '..')

/** What each command must print, in an order that makes sense. `npm` scripts are run elsewhere. */
const shown: { readonly [command: string]: RegExp } = {
  status: /^cluster: 2 of 2 nodes up/m,
  'node ls': /^node-2/m,
  'node show node-2': /^node-2: up/,
  'shard ls': /^7 /m,
  'shard show 7': /^shard 7: .* leads in epoch/,
  'rebalance plan': /^(?:nothing is to move|shard )/,
  'rebalance cancel': /^nothing moves for balance any more/,
  'rebalance status': /^paused/,
  'rebalance apply': /^balanced/,
  'shard move 7 --to node-2': /^node-2 leads shard 7/,
  'node drain node-2': /^node-2 leads nothing and can be restarted/,
  'node undrain node-2': /^node-2 takes shards again/,
  'node decommission node-2': /^node-2 holds nothing and can be stopped for good/,
}

/** Moves, and copies that catch up, take their time on a busy machine. */
const timeout = 120_000

describe('the runbook', () => {
  it('has a chapter for each alert, in their order, and for nothing else', async () => {
    const headings = [...(await readOperations()).matchAll(/^### (Halfsecond\w+)$/gm)]

    expect(headings.map(([, name]) => name)).toEqual((await readAlerts()).map(({ name }) => name))
  })

  it('is where each alert sends its reader', async () => {
    for (const { name, text } of await readAlerts())
      expect(text).toContain(`runbook: docs/operations.md#${name.toLowerCase()}\n`)
  })

  it('says of each alert what it means, who is hurt, where to look and what to do', async () => {
    const [, ...chapters] = (await readOperations()).split(/^### (?=Halfsecond)/m)

    for (const chapter of chapters) {
      const parts = [...chapter.matchAll(/^\*\*(Means|Hurt|Look|Do)\*\* \S/gm)]
      expect(
        parts.map(([, part]) => part),
        chapter.split('\n')[0],
      ).toEqual(['Means', 'Hurt', 'Look', 'Do'])
    }
  })

  it('refers to chapters and files that exist', async () => {
    const text = await readOperations()
    const anchors = new Set(
      [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
        heading.toLowerCase().replaceAll(' ', '-'),
      ),
    )

    for (const [, target = ''] of text.matchAll(/\]\(([^)]+)\)/g)) {
      if (target.startsWith('#')) expect(anchors).toContain(target.slice(1))
      else await expect(readFile(join(root, 'docs', target))).resolves.toBeDefined()
    }
  })

  it('names no command but those that are run here, and these all', async () => {
    const scripts = await npmScripts()
    const commands = [...new Set(commandsIn(await readOperations()))]
    const npm = commands.filter((command) => command.startsWith('npm run '))
    const others = commands.filter((command) => !npm.includes(command))

    expect(npm.filter((command) => !scripts.includes(command.slice('npm run '.length)))).toEqual([])
    expect(others.sort()).toEqual(
      Object.keys(shown)
        .map((words) => `npx halfsecond ${words}`)
        .sort(),
    )
  })
})

describe('with two nodes, the command', { ...needs(realNatsServer), timeout }, () => {
  const nats = useServer()
  const folder = scratchFolder()
  const nodes: RunningNode[] = []

  beforeAll(async () => {
    for (const nodeId of ['node-1', 'node-2']) {
      const flags = { dataDir: join(folder, nodeId), natsUrl: nats.server.url, nodeId, shards: '8' }
      const free = { port: '0', adminPort: '0', logLevel: 'silent', memoryBytes: '16MiB' }
      const { config } = readConfig({}, { ...flags, ...free })
      nodes.push(await startNode(config, { output: { write: () => {} } }))
    }
    const playbook = await readFile(join(root, 'loadtest', 'playbook.yaml'), 'utf8')
    await nodes[0]?.api.publishPlaybook(playbook)
    await redundant()
  }, timeout)

  afterAll(async () => {
    for (const node of nodes.reverse()) await node.close()
  }, timeout)

  it.each(Object.entries(shown))('%s works', async (command, wanted) => {
    const { code, output, notes } = await inCluster(command)

    expect(output, notes).toMatch(wanted)
    expect(code).toBe(0)
    await redundant(command)
  })

  function inCluster(command: string) {
    const env = { HALFSECOND_ADMIN_URL: nodes[0]?.adminUrl }
    return execute(command.split(' '), { env })
  }

  /** Operators wait for this before they do the next thing. */
  async function redundant(after = ''): Promise<void> {
    if (after.startsWith('node d')) return
    await vi.waitFor(
      async () => {
        const { output } = await inCluster('status --json')
        const status: unknown = JSON.parse(output)
        const redundancy = { wanted: 2, full: 8, reduced: 0, none: 0 }
        expect(status).toMatchObject({ cluster: { redundancy } })
      },
      { timeout: 60_000, interval: 100 },
    )
  }
})

async function npmScripts(): Promise<readonly string[]> {
  const manifest: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const scripts = isFields(manifest) ? manifest.scripts : undefined
  return isFields(scripts) ? Object.keys(scripts) : []
}
