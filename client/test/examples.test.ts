import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { RunningNode } from '../../node/src/node.ts'
import { startTestNode } from './support/test-node.ts'

const folder = join(import.meta.dirname, '..', 'examples')
const playbook = join(import.meta.dirname, '..', '..', 'node', 'playbooks', 'fernhill.yaml')

let node: RunningNode
let stop: (() => Promise<void>) | undefined

beforeAll(async () => {
  const started = await startTestNode(readFileSync(playbook, 'utf8'))
  node = started.node
  stop = started.stop
}, 120_000)

afterAll(() => stop?.())

function start(example: string): ChildProcess & { lines: string[] } {
  const child = spawn(process.execPath, [join(folder, example)], {
    env: {
      ...process.env,
      HALFSECOND_URL: node.url,
      // A process that has just started is slow, on a busy machine slower than a page may be.
      HALFSECOND_DEADLINE_MS: '2000',
      PORT: '0',
      NODE_NO_WARNINGS: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    if (stream) createInterface(stream).on('line', (line) => lines.push(line))
  return Object.assign(child, { lines })
}

/** What an example prints until it ends by itself. */
async function outputOf(example: string): Promise<readonly string[]> {
  const child = start(example)
  const [code] = await once(child, 'close')
  return code === 0 ? child.lines : [`exit code ${code}`, ...child.lines]
}

describe('the example', { timeout: 120_000 }, () => {
  it('of a call centre helps who complains, and does not repeat what was accepted', async () => {
    expect(await outputOf('call-centre.ts')).toEqual([
      'your-manager: {"say":"Offer a call-back by Maya today, and refund the difference."}',
      'case-status: {"say":"Say sorry, and tell how the case stands."}',
      'because of rules',
      'your-manager was accepted',
      'next: case-status',
    ])
  })

  it('of an e-mail records the clicks of its links, and no forged one', async () => {
    expect(await outputOf('email.ts')).toEqual([
      'to ann@example.org: {"title":"5 % back with the Fernhill card","link":"/card"}',
      'ann@example.org clicked store-card',
      'to ben@example.org: {"title":"5 % back with the Fernhill card","link":"/card"}',
      'ben@example.org clicked store-card',
      'not recorded: MALFORMED',
    ])
  })

  it('of a landing page knows the reader of an e-mail in an unknown browser', async () => {
    expect(await outputOf('landing.ts')).toEqual([
      'a stranger sees {"title":"Made for every weather","link":"/new"}',
      'the reader sees {"title":"5 % back with the Fernhill card","link":"/card"}',
    ])
  })

  it('of two servers hands a position on', async () => {
    const [position = '', decision = ''] = await outputOf('two-servers.ts')

    expect(position).toMatch(/^position: hs1\.[\w-]+$/)
    expect(decision).toMatch(/^boots-again: \{.*\}, fresh$/)
  })

  it('of a shop goes from the first hit to an accepted offer and a logout', async () => {
    const shop = start('shop.ts')
    await expect.poll(() => shop.lines[0], { timeout: 60_000 }).toBeDefined()
    const url = shop.lines[0]?.split(' ').at(-1)
    const jar = new Map<string, string>()
    const visit = async (path: string, form?: Record<string, string>) => {
      const cookie = [...jar].map((pair) => pair.join('=')).join('; ')
      const response = await fetch(`${url}${path}`, {
        headers: { cookie },
        redirect: 'manual',
        ...(form && { method: 'POST', body: new URLSearchParams(form) }),
      })
      for (const line of response.headers.getSetCookie()) {
        const [name = '', value = ''] = line.split(';')[0]?.split('=') ?? []
        jar.set(name, value)
      }
      return { status: response.status, text: await response.text() }
    }

    const first = await visit('/')
    const cookie = jar.get('hs')
    await visit('/products/b1')
    await visit('/products/b2')
    const second = await visit('/')
    const token = /name="token" value="([\w-]+)"/.exec(second.text)?.[1] ?? ''
    const accepted = await visit('/offers/accept', { token })
    const third = await visit('/')
    const login = await visit('/login', { name: 'ann', password: 'boots' })
    const fourth = await visit('/')
    const logout = await visit('/logout', {})
    shop.kill('SIGTERM')
    const [code] = await once(shop, 'close')

    expect(first.text).toContain('Made for every weather')
    expect(second.text).toContain('Those boots are still waiting for you')
    expect(accepted.status).toBe(302)
    expect(third.text).not.toContain('Those boots are still waiting for you')
    expect([login.status, fourth.status, logout.status]).toEqual([302, 200, 302])
    expect(jar.get('hs')).toBe(cookie)
    expect(code).toBe(0)
    const profile = await (await fetch(`${node.adminUrl}/v1/profiles/user:4711`)).text()
    expect(profile).toContain(`anon:${idIn(cookie)}`)
    expect(profile).toContain('logout')
  })

  it.each(readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'sessions.ts'))(
    '%s is one of those that were run',
    (name) => {
      expect(readFileSync(import.meta.filename, 'utf8')).toContain(`'${name}'`)
    },
  )
})

function idIn(cookie: string | undefined): string {
  return cookie?.split('.')[1] ?? ''
}
