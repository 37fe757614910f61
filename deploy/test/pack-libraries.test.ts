import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { packLibraries } from '../pack-libraries.ts'
import { installOlderNodes, npm, olderNodes } from './older-nodes.ts'
import { needs } from './requirements.ts'

const run = promisify(execFile)

const folder = await mkdtemp(join(tmpdir(), 'halfsecond-'))

const nodes = await installOlderNodes(folder)

const projectTypes = ['module', 'commonjs'] as const

const imports = {
  module: `
    import { connect } from '@halfsecond/client'
    import { shardOf } from '@halfsecond/protocol'`,
  commonjs: `
    const { connect } = require('@halfsecond/client')
    const { shardOf } = require('@halfsecond/protocol')`,
}

const program = `
  async function main() {
    const client = connect(process.argv[2], { defaults: { hero: 'Hello' }, deadlineMs: 50 })
    const decision = await client.visitor({ anon: 'a1' }).decide('hero')
    console.log(JSON.stringify([decision.content, shardOf('anon:a1', 64)]))
    await client.close()
  }
  main()`

afterAll(() => rm(folder, { recursive: true }))

/** npm and three Nodes at once take their time on a small machine. */
const timeout = 120_000

describe('the packed libraries', { ...needs(olderNodes(nodes)), timeout }, async () => {
  const versions = [...nodes, process.execPath]
  const tarballs = nodes.length === 0 ? [] : await packLibraries(folder)

  it.each(projectTypes)('run in an empty %s project on Node 20, 22 and 24', async (type) => {
    const project = await makeProject(type)
    const url = `http://127.0.0.1:${await unusedPort()}`

    await npm(project, ['install', ...tarballs])
    const answers = versions.map((node) => run(node, ['index.js', url], { cwd: project }))

    for (const { stdout } of await Promise.all(answers)) {
      expect(JSON.parse(stdout)).toEqual(['Hello', expect.any(Number)])
    }
  })

  it('bring types for what a channel server imports', async () => {
    const project = await makeProject('module')
    const tsc = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'tsc')
    await writeFile(
      join(project, 'index.ts'),
      `import { connect } from '@halfsecond/client'
       const { content } = await connect().visitor({ anon: 1 }).decide('hero')
       // @ts-expect-error Content is whatever a playbook says.
       content.toFixed()
      `,
    )

    await npm(project, ['install', ...tarballs])
    const checked = run(
      tsc,
      ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', 'index.ts'],
      { cwd: project },
    )

    await expect(checked).resolves.toMatchObject({ stdout: '' })
  })
})

async function makeProject(type: (typeof projectTypes)[number]): Promise<string> {
  const project = await mkdtemp(join(folder, `${type}-`))
  await writeFile(join(project, 'package.json'), JSON.stringify({ type }))
  await writeFile(join(project, 'index.js'), imports[type] + program)
  return project
}

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a port was asked for')
  return address.port
}
