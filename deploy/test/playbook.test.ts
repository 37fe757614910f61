import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../node/src/config.ts'
import { type RunningNode, startNode } from '../../node/src/node.ts'
import { execute } from '../../node/test/cli/support/command.ts'
import { scratchFolder } from '../../node/test/support/scratch-folder.ts'
import { commandsIn } from './documented-commands.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = scratchFolder()

/** What each command must print, in the order of the document. */
const shown: readonly (readonly [command: string, wanted: RegExp])[] = [
  ['check shop.yaml', /^.*shop\.yaml: good; fernhill/m],
  ['test shop.yaml', /shop\.yaml: 6 passed, 0 failed\n$/],
  ['diff shop.yaml', /^changes: \d+ added, .*\n {2}~ playbook: older → fernhill\n/],
  ['diff 1 shop.yaml', /^changes: /],
  ['publish shop.yaml --dry-run', /: it would be published; nothing was\n$/],
  ['publish shop.yaml --note "spring offers"', / decides from now on, as version 2\n$/],
  ['log', /^ {3}2 {2}.* by ann .*\n {6}spring offers\n/],
  ['show 1', /^playbook: older\n/],
  ['rollback 1 --dry-run', /^older: it would be published; nothing was\n$/m],
  ['rollback 1 --note "too many complaints"', /^older decides from now on, as version 3\n$/m],
  ['defaults shop.yaml', /^\{\n/],
]

describe('the page on playbooks', () => {
  let node: RunningNode

  beforeAll(async () => {
    const flags = { dataDir: join(folder, 'data'), port: '0', adminPort: '0', logLevel: 'silent' }
    node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
    const text = await readFile(join(root, 'node', 'playbooks', 'fernhill.yaml'), 'utf8')
    await writeFile(join(folder, 'shop.yaml'), text)
    await node.api.publishPlaybook(
      'playbook: older\nplacements: { a: { channel: web, format: b, fallback: c } }\n',
    )
  })

  afterAll(() => node.close())

  it.each(shown)('shows %s as it works', async (command, wanted) => {
    const { code, output, notes } = await inNode(command)

    expect(output, notes).toMatch(wanted)
    expect(code).toBe(0)
  })

  it('names no command but these, and these all', async () => {
    const commands = commandsIn(await readFile(join(root, 'docs', 'playbook.md'), 'utf8'))

    expect(commands).toEqual(shown.map(([words]) => `npx halfsecond playbook ${words}`))
  })

  function inNode(command: string) {
    const words = command.match(/"[^"]*"|\S+/g) ?? []
    const args = words.map((word) =>
      word.replaceAll('"', '').replace(/^shop\.yaml$/, join(folder, 'shop.yaml')),
    )
    const env = { HALFSECOND_ADMIN_URL: node.adminUrl, USER: 'ann' }
    return execute(['playbook', ...args], { env })
  }
})
