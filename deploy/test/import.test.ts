import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../node/src/config.ts'
import { type RunningNode, startNode } from '../../node/src/node.ts'
import { execute } from '../../node/test/cli/support/command.ts'
import { postAs } from '../../node/test/http/support/running-server.ts'
import { scratchFolder } from '../../node/test/support/scratch-folder.ts'
import { commandsIn } from './documented-commands.ts'

const document = join(import.meta.dirname, '..', '..', 'docs', 'import.md')
const folder = scratchFolder()

/** What each command must print, in the order of the document. */
const shown: { readonly [command: string]: RegExp } = {
  'import customers.csv --mapping crm.yaml --dry-run':
    /2 lines, 2 new, 0 changed, 0 unchanged, 3 links to merge, 0 rejected/,
  'import customers.csv --mapping crm.yaml': /2 lines, 5 records sent, 0 rejected/,
  'profile get crm:991': /^ {2}tier = gold \(since 2026-03-01T08:00:00.000Z, by crm\)$/m,
}

describe('the page on other systems', () => {
  let node: RunningNode
  let text: string

  beforeAll(async () => {
    const flags = { dataDir: join(folder, 'data'), port: '0', adminPort: '0', logLevel: 'silent' }
    node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
    text = await readFile(document, 'utf8')
    await writeFile(join(folder, 'crm.yaml'), block('yaml'))
    await writeFile(join(folder, 'customers.csv'), block('csv'))
  })

  afterAll(() => node.close())

  /** The one block of the page in this language. */
  function block(language: string): string {
    const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))]
    expect(blocks).toHaveLength(1)
    return blocks[0]?.[1] ?? ''
  }

  it.each(Object.entries(shown))('shows %s as it works', async (command, wanted) => {
    const args = command.split(' ').map((arg) => {
      return /\.(csv|yaml)$/.test(arg) ? join(folder, arg) : arg
    })
    const env = { HALFSECOND_URL: node.url, HALFSECOND_ADMIN_URL: node.adminUrl }

    const { code, output, notes } = await execute(args, { env })

    expect(output, notes).toMatch(wanted)
    expect(code).toBe(0)
  })

  it('names no command but these, and these all', () => {
    const commands = commandsIn(text).map((command) => command.replace(/^halfsecond /, ''))

    expect(commands).toEqual(Object.keys(shown))
  })

  it('shows records that a node takes', async () => {
    const { status, body } = await postAs(
      `${node.url}/v1/events`,
      'application/json',
      block('json'),
    )

    expect(body).toEqual({ results: [1, 2, 3].map(() => ({ position: expect.any(String) })) })
    expect(status).toBe(200)
  })
})
