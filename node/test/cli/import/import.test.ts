import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { type RunningNode, startNode } from '../../../src/node.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute, RunningCommand } from '../support/command.ts'

const folder = scratchFolder()

let node: RunningNode
let env: { HALFSECOND_URL: string; HALFSECOND_ADMIN_URL: string }

beforeAll(async () => {
  const flags = { dataDir: join(folder, 'data'), port: '0', adminPort: '0', logLevel: 'silent' }
  node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
  env = { HALFSECOND_URL: node.url, HALFSECOND_ADMIN_URL: node.adminUrl }
})

afterAll(() => node.close())

async function profile(identifier: string) {
  return JSON.parse((await execute(['profile', 'get', identifier, '--json'], { env })).output)
}

function line(address: string, path: string, second = 0): string {
  const time = `17/May/2015:10:05:${String(second).padStart(2, '0')} +0000`
  return `${address} - - [${time}] "GET ${path} HTTP/1.1" 200 5`
}

describe('halfsecond import', () => {
  it('sends every line once, however often the file is imported', async () => {
    const log = join(folder, 'access.log')
    // The third line repeats the first: two visits, not one.
    const lines = [line('10.0.0.1', '/a'), line('10.0.0.2', '/b'), line('10.0.0.1', '/a')]
    writeFileSync(log, lines.join('\n'))

    const first = await execute(['import', log], { env })
    const second = await execute(['import', log, '--json'], { env })

    expect(first.code).toBe(0)
    expect(first.output).toMatch(
      /access\.log \(access-log\): 3 lines, 3 sent, 0 rejected, .*lines\/s\n/,
    )
    expect(JSON.parse(second.output)).toMatchObject({
      lines: 3,
      sent: 3,
      rejected: 0,
      visible: true,
    })
    const { timeline } = await profile('anon:10.0.0.1')
    expect(timeline).toMatchObject([
      { at: '2015-05-17T10:05:00.000Z', kind: 'page', properties: { path: '/a', status: 200 } },
      { at: '2015-05-17T10:05:00.000Z', kind: 'page', properties: { path: '/a', status: 200 } },
    ])
    expect(timeline[0].id).toMatch(/^[0-9a-f]{16}:[13]$/)
  })

  it('keeps refused lines with their number and reason', async () => {
    const log = join(folder, 'bad.log')
    writeFileSync(log, [line('10.0.1.1', '/a'), 'rubbish', line('unknown', '/'), ''].join('\n'))

    const { code, output } = await execute(['import', log], { env })

    expect(code).toBe(0)
    expect(output).toContain(`1 sent, 2 rejected`)
    expect(output).toContain(`${log}.rejected.ndjson`)
    const rejected = readFileSync(`${log}.rejected.ndjson`, 'utf8').trimEnd().split('\n')
    expect(rejected.map((one) => JSON.parse(one))).toEqual([
      { line: 2, reason: 'not a line of a combined access log', text: 'rubbish' },
      { line: 3, reason: expect.stringContaining('placeholder'), text: line('unknown', '/') },
    ])
  })

  it('reads standard input, and traits from CSV', async () => {
    const input = 'id,tier,since\ncrm-1,gold,2026-01-02\n'
    const args = ['--key', 'id', '--namespace', 'crm', '--at', 'since', '--traits']

    const { code, output } = await execute(['import', '-', ...args], { env, input })

    expect({ code, output }).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^- \(csv\): 1 lines/),
    })
    expect(await profile('crm:crm-1')).toMatchObject({
      traits: { tier: { value: 'gold', at: '2026-01-02T00:00:00.000Z' } },
    })
  })

  it('checks every line and sends nothing in a dry run', async () => {
    const input = line('10.0.2.1', '/')

    const { code, output } = await execute(['import', '-', '--dry-run'], { env, input })

    expect(code).toBe(0)
    expect(output).toContain('1 would be sent')
    expect((await execute(['profile', 'get', 'anon:10.0.2.1'], { env })).code).toBe(1)
  })

  it('stopped in the middle goes on where it was, and counts nothing twice', async () => {
    const log = join(folder, 'long.log')
    const lines = Array.from({ length: 20_000 }, (_, i) =>
      line(`10.1.0.${i % 50}`, `/${'x'.repeat(500)}${i}`, i % 60),
    )
    writeFileSync(log, lines.join('\n'))

    const running = new RunningCommand(['import', log, '--json'], { env })
    await storedSome('anon:10.1.0.7')
    const stopped = await running.stop()
    const resumed = await execute(['import', log, '--json'], { env })

    expect(stopped.code).toBe(1)
    expect(JSON.parse(stopped.output).stopped).toBe(true)
    expect(JSON.parse(stopped.output).sent).toBeLessThan(20_000)
    expect(JSON.parse(resumed.output)).toMatchObject({
      lines: 20_000,
      sent: 20_000,
      stopped: false,
    })
    for (const last of [0, 7, 49]) {
      const { timeline } = await profile(`anon:10.1.0.${last}`)
      expect(timeline).toHaveLength(400)
    }
  }, 120_000)
})

/** Resolves when an import has brought something of this visitor. */
async function storedSome(identifier: string): Promise<void> {
  while ((await execute(['profile', 'get', identifier], { env })).code !== 0) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
