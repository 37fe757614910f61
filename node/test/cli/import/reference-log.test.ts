import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { startNatsServer } from '../../../../deploy/nats-server/run.ts'
import {
  needs,
  realNatsServer,
  referenceData,
  referenceFolder,
} from '../../../../deploy/test/requirements.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute } from '../support/command.ts'

const folder = scratchFolder()
const reference = join(referenceFolder, 'data', 'apache-access.log.gz')
const recountProgram = join(referenceFolder, 'accept', 'access_log_recount.py')
const main = join(import.meta.dirname, '../../../src/main.ts')

/** A node as a process of its own, so that it can be killed. */
class NodeProcess {
  readonly env: { readonly HALFSECOND_URL: string; readonly HALFSECOND_ADMIN_URL: string }
  private readonly process: ReturnType<typeof spawn>

  private constructor(process: ReturnType<typeof spawn>, url: string, adminUrl: string) {
    this.process = process
    this.env = { HALFSECOND_URL: url, HALFSECOND_ADMIN_URL: adminUrl }
  }

  static async start(data: string, ...flags: readonly string[]): Promise<NodeProcess> {
    const args = [
      main,
      'dev',
      '--data',
      join(folder, data),
      '--port',
      '0',
      '--admin-port',
      '0',
      ...flags,
    ]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    running.add(child)
    let url = ''
    for await (const line of createInterface({ input: child.stdout })) {
      url = /look here {2}(\S+)\/ /.exec(line)?.[1] ?? url
      const adminUrl = /admin +(\S+)/.exec(line)?.[1]
      if (adminUrl !== undefined) return new NodeProcess(child, url, adminUrl)
    }
    throw new Error('the node did not start')
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ended = once(this.process, 'exit')
    this.process.kill(signal)
    await ended
    running.delete(this.process)
  }
}

const running = new Set<ReturnType<typeof spawn>>()

afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

/** What an independent program says of a log and what a node exports. */
async function recount(log: string, { env }: NodeProcess): Promise<string> {
  const path = join(folder, 'export.ndjson')
  const { code } = await execute(['export', '--out', path], { env })
  expect(code).toBe(0)
  const { stdout } = await promisify(execFile)('python3', [recountProgram, log, path])
  return stdout
}

const allAgree = '1753 of 1753 visitors agree, 0 held that the log does not have\n'

describe('the reference log', needs(referenceData), () => {
  it('is counted as an independent program counts it, after a second import and a restart', async () => {
    const first = await NodeProcess.start('whole')
    const { env } = first

    const imported = await execute(['import', reference, '--json'], { env })
    const once = await recount(reference, first)
    const again = await execute(['import', reference, '--json'], { env })
    const twice = await recount(reference, first)
    await first.end('SIGTERM')
    const second = await NodeProcess.start('whole')
    const restarted = await recount(reference, second)
    await second.end('SIGTERM')

    expect(JSON.parse(imported.output)).toMatchObject({ lines: 10_000, sent: 10_000, rejected: 0 })
    expect(again.code).toBe(0)
    expect([once, twice, restarted]).toEqual([allAgree, allAgree, allAgree])
  })

  it('is counted the same when the node is killed in the middle and the import resumed', async () => {
    const log = join(folder, 'large.log')
    const lines = gunzipSync(readFileSync(reference)).toString('utf8').trimEnd().split('\n')
    // Eight times the log, each time a day later, so that there is a middle.
    const days = Array.from({ length: 8 }, (_, i) =>
      lines.map((line) => line.replace(/\[\d\d\/May/, `[${String(10 + i).padStart(2, '0')}/May`)),
    )
    writeFileSync(log, days.flat().join('\n'))
    const killed = await NodeProcess.start('killed')

    const broken = execute(['import', log, '--patience', '0.2'], { env: killed.env })
    while (
      (await execute(['profile', 'get', 'anon:66.249.73.135'], { env: killed.env })).code !== 0
    ) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await killed.end('SIGKILL')
    const { code, notes } = await broken
    const next = await NodeProcess.start('killed')
    const resumed = await execute(['import', log, '--json'], { env: next.env })
    const counted = await recount(log, next)
    await next.end('SIGTERM')

    expect(code).toBe(1)
    expect(notes).toMatch(/^UNAVAILABLE: the import broke off: .*run the same command again/m)
    expect(JSON.parse(resumed.output)).toMatchObject({ lines: 80_000, sent: 80_000, rejected: 0 })
    expect(counted).toBe(allAgree)
  })
})

describe('the reference log on a real nats-server', needs(referenceData), () => {
  it(
    'is counted the same, also where the node is killed meanwhile',
    needs(realNatsServer),
    async () => {
      const server = await startNatsServer({ storeDir: join(folder, 'streams') })
      try {
        const first = await NodeProcess.start('on-nats', '--nats', server.url)
        const env = { HALFSECOND_URL: server.url }

        const imported = await execute(['import', reference, '--json'], { env })
        await first.end('SIGKILL')
        const second = await NodeProcess.start('on-nats', '--nats', server.url)
        const once = await recount(reference, second)
        const again = await execute(['import', reference, '--json'], { env })
        const twice = await recount(reference, second)
        await second.end('SIGTERM')

        expect(JSON.parse(imported.output)).toMatchObject({ sent: 10_000, visible: true })
        expect(JSON.parse(again.output)).toMatchObject({ sent: 10_000, visible: true })
        expect([once, twice]).toEqual([allAgree, allAgree])
      } finally {
        await server.stop()
      }
    },
  )
})

describe('a log of nasty lines', needs(referenceData), () => {
  it('is counted as an independent program counts it', async () => {
    const log = join(folder, 'nasty.log')
    const at = (second: number) => `[17/May/2015:10:05:${String(10 + second)} +0130]`
    const requests = [
      '-',
      '',
      'quit',
      'GET /',
      'GET  /x',
      'GET /a b HTTP/1.1',
      'GET /a\\"b\\"',
      'GET /c\\\\',
      '\\x16\\x03',
      'GET /\xe9 HTTP/1.1',
      'GET /\xff\\\xfe HTTP/1.1',
      'GET /\u0085 HTTP/1.1',
      'GET /tab\there',
      'GET /" HTTP/1.1',
      'GET /ü€ HTTP/1.1',
      `GET /${'y'.repeat(30_000)}1 HTTP/1.1`,
      `GET /${'y'.repeat(30_000)}2 HTTP/1.1`,
      '\\',
      'a\\',
      '[x] "',
      'GET /\0 HTTP/1.1',
      'POST /cr\rGET',
    ]
    const addresses = ['1.2.3.4', '::1', 'host.example', 'fe80::1%eth0', '-']
    const others = [
      '',
      'rubbish',
      '1.2.3.4 - -',
      '1.2.3.4\x1c - - x',
      '1.2.3.4  - x',
      '\xe9 - \xe9',
    ]
    const lines = requests.flatMap((request, i) =>
      addresses.map((address, j) => {
        const user = ['-', 'frank', 'a\x85b', 'a\x1cb', 'a\xa0b', 'a\u2028b', 'a\ufeffb'][
          (i + j) % 7
        ]
        return `${address} - ${user} ${at(i)} "${request}" ${200 + i * 10} ${j === 0 ? '-' : i}`
      }),
    )
    // Characters up to U+00FF are written as single bytes, most of which are no UTF-8.
    const bytes = [...lines, ...others].map((text) =>
      Buffer.from(text, /[\u0100-\uffff]/.test(text) ? 'utf8' : 'latin1'),
    )
    const breaks = ['\n', '\r\n', '\r'].map((text) => Buffer.from(text))
    const parts = bytes.flatMap((one, i) => [one, breaks[i % 3] ?? Buffer.alloc(0)])
    writeFileSync(log, Buffer.concat(parts))
    const node = await NodeProcess.start('nasty')

    const imported = await execute(['import', log, '--json', '--format', 'access-log'], {
      env: node.env,
    })
    const counted = await recount(log, node)
    await node.end('SIGTERM')

    const { stderr } = await promisify(execFile)('python3', [recountProgram, log])
    const [, events, bad] = /(\d+) events, (\d+) lines not parsed/.exec(stderr) ?? []
    expect(counted).toMatch(/^(\d+) of \1 visitors agree, 0 held/)
    expect(JSON.parse(imported.output)).toMatchObject({
      sent: Number(events),
      rejected: Number(bad),
      shortened: expect.any(Number),
    })
    expect(Number(events)).toBeGreaterThan(50)
    expect(Number(bad)).toBeGreaterThan(10)
  })
})
