import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../node/src/config.ts'
import { type RunningNode, startNode } from '../../node/src/node.ts'
import { execute } from '../../node/test/cli/support/command.ts'
import { post } from '../../node/test/http/support/running-server.ts'
import { scratchFolder } from '../../node/test/support/scratch-folder.ts'
import { commandsIn } from './documented-commands.ts'

const document = join(import.meta.dirname, '..', '..', 'docs', 'recognition.md')
const folder = scratchFolder()

/** What each command must print, in the order of the document. */
const shown: { readonly [command: string]: RegExp } = {
  'profile get anon:web': /^user:ann, anon:web\n/,
  'profile get anon:web --alone': /^anon:web\n/,
  'profile timeline anon:web --newest 50': /^AT .*\n.* page$/m,
  'profile links anon:web': /^anon:web +user:ann .* valid /m,
  'profile audit anon:web': / link +anon:web +user:ann /,
  'profile conflicts anon:kiosk': /^anon:kiosk = email:x@shop.example unverified: /,
  'profile conflicts': /^anon:kiosk = email:x@shop.example unverified: /,
  'profile split anon:web user:ann --dry-run': /would be dropped; they would be two persons/,
  'profile split anon:web user:ann --by ann@shop.example': /is dropped; they are two persons/,
  'profile export anon:web --out ann.json': /^$/,
  'signals --json':
    /^\{"cursor":1,"v":1,.*"signal":"merged","profile":"user:ann","members":\["anon:web"\]/,
  'signals --after 1 --json': /^\{"cursor":2,.*"signal":"split"/,
  'erase anon:web --dry-run': /anon:web/,
  'erase anon:web --wait': /anon:web/,
  'erase anon:web --now': /anon:web/,
}

const told = [
  { kind: 'event', name: 'page', key: 'anon:web', properties: {} },
  { kind: 'traits', key: 'user:ann', set: { tier: 'gold' }, unset: [] },
  { kind: 'link', key: 'anon:web', to: 'user:ann', strength: 'authenticated' },
  { kind: 'link', key: 'anon:kiosk', to: 'email:x@shop.example', strength: 'asserted' },
]

describe('the page on recognition', () => {
  let node: RunningNode

  beforeAll(async () => {
    const flags = { dataDir: join(folder, 'data'), port: '0', adminPort: '0', logLevel: 'silent' }
    node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
    const records = told.map((record, i) => ({ ...record, id: `r${i}` }))
    expect((await post(`${node.url}/v1/events`, { records })).status).toBe(200)
    await vi.waitFor(async () => {
      const { output } = await inNode('profile get user:ann')
      expect(output).toMatch(/^user:ann, anon:web\n/)
    }, 30_000)
  })

  afterAll(() => node.close())

  it.each(Object.entries(shown))('shows %s as it works', async (command, wanted) => {
    const { code, output, notes } = await inNode(command)

    expect(output, notes).toMatch(wanted)
    expect(code).toBe(0)
  })

  it('names no command but these, and these all', async () => {
    const commands = commandsIn(await readFile(document, 'utf8'))

    expect(commands).toEqual(Object.keys(shown).map((words) => `npx halfsecond ${words}`))
  })

  /** Files go into a folder that is removed afterwards. */
  function inNode(command: string) {
    const args = command.split(' ').map((word) => word.replace(/^ann\.json$/, join(folder, word)))
    return execute(args, { env: { HALFSECOND_ADMIN_URL: node.adminUrl } })
  }
})
