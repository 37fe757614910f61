import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { installOlderNodes, olderNodes } from '../../../deploy/test/older-nodes.ts'
import { needs, type Requirement } from '../../../deploy/test/requirements.ts'
import { nodeFlags } from '../../src/node-flags.ts'

const run = promisify(execFile)

const command = join(import.meta.dirname, '..', '..', 'bin', 'halfsecond.js')

const folder = await mkdtemp(join(tmpdir(), 'halfsecond-'))

const nodes = await installOlderNodes(folder)

/** npm brings a Node on one platform only; elsewhere the system's has to be recent. */
const broughtNode: Requirement =
  process.platform === 'linux' && process.arch === 'x64'
    ? olderNodes(nodes)
    : { isMet: false, remedy: 'npm brings a Node on Linux x64 alone', isExcused: true }

afterAll(() => rm(folder, { recursive: true }))

describe('the halfsecond command', () => {
  it('starts under a Node that is recent enough', async () => {
    const { stdout } = await run(process.execPath, [command, '--help'])

    expect(stdout).toContain('Usage: halfsecond')
  })

  it('starts Node.js with the flags of a node, unless it is told how many threads there are', async () => {
    const tellFlags = 'data:text/javascript,console.error(JSON.stringify(process.execArgv))'
    const flagsWith = async (own: string) => {
      const env = { ...process.env, NODE_OPTIONS: `${own} --import=${tellFlags}` }
      const { stderr } = await run(process.execPath, [command, '--help'], { env })
      return stderr.trim().split('\n')
    }

    expect(await flagsWith('')).toContain(JSON.stringify(nodeFlags))
    expect(await flagsWith('--v8-pool-size=1')).toEqual(['[]'])
  })

  it('starts under an older Node, by the one that npm brought', needs(broughtNode), async () => {
    const started = nodes.map((node) => run(node, [command, '--help']))

    for (const { stdout } of await Promise.all(started))
      expect(stdout).toContain('Usage: halfsecond')
  })

  it('passes its exit code on', needs(broughtNode), async () => {
    const [oldest = ''] = nodes

    const refused = run(oldest, [command, 'no-such-command'])

    await expect(refused).rejects.toMatchObject({ code: 2 })
  })
})
