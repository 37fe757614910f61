import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunningNode } from '../../node/src/node.ts'
import { startTestNode } from './support/test-node.ts'

const run = promisify(execFile)
const folder = join(import.meta.dirname, '..')
const readme = readFileSync(join(folder, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code)
const excerpts = blocks.filter((code) => code.startsWith('// examples/'))
const programs = blocks.filter((code) => !code.startsWith('// examples/'))

let node: RunningNode
let stop: (() => Promise<void>) | undefined

beforeAll(async () => {
  const playbook = join(folder, '..', 'node', 'playbooks', 'fernhill.yaml')
  const started = await startTestNode(readFileSync(playbook, 'utf8'))
  node = started.node
  stop = started.stop
}, 120_000)

afterAll(() => stop?.())

async function outputOf(program: string | undefined): Promise<string> {
  const code = program?.replace('http://127.0.0.1:7500', node.url) ?? 'process.exit(1)'
  const { stdout } = await run(
    process.execPath,
    ['--input-type=module-typescript', '--no-warnings', '--eval', code],
    {
      cwd: folder,
      // A process that has just started is slow, on a busy machine slower than a page may be.
      env: { ...process.env, HALFSECOND_URL: node.url, HALFSECOND_DEADLINE_MS: '2000' },
      timeout: 60_000,
    },
  )
  return stdout
}

describe('a program in the README', { timeout: 120_000 }, () => {
  it('records, decides and ends', async () => {
    expect(await outputOf(programs[0])).toBe(
      "{ title: 'Made for every weather', link: '/new' } fallback\n",
    )
  })

  it('hears of an error by its code', async () => {
    expect(await outputOf(programs[1])).toBe('MALFORMED false\n{ MALFORMED: 1 }\n')
  })

  it('is one of these, or an excerpt of an example', () => {
    expect([programs.length, excerpts.length]).toEqual([2, 2])
    for (const excerpt of excerpts) {
      const [first = '', ...lines] = excerpt.trimEnd().split('\n')
      const example = readFileSync(join(folder, first.replace('// ', '')), 'utf8').split('\n')
      expect(lines.filter((line) => !example.includes(line))).toEqual([])
    }
  })
})
