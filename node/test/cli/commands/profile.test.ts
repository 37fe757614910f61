import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { type RunningNode, startNode } from '../../../src/node.ts'
import { post } from '../../http/support/running-server.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute } from '../support/command.ts'

const folder = scratchFolder()
let node: RunningNode
let env: { HALFSECOND_ADMIN_URL: string; USER: string }

/** Bob and Eve at one computer; Ann on the web and in the app, known to the CRM; a guest whose e-mail nobody proved. */
const told = [
  { kind: 'event', name: 'page', key: 'anon:web', properties: { path: '/a' }, channel: 'web' },
  { kind: 'event', name: 'page', key: 'anon:app', properties: { path: '/b' }, channel: 'app' },
  { kind: 'traits', key: 'user:ann', set: { tier: 'gold' }, unset: [], source: 'crm' },
  { kind: 'traits', key: 'anon:web', set: { zone: 'Europe/Rome' }, unset: [], channel: 'web' },
  { kind: 'link', key: 'anon:web', to: 'user:ann', strength: 'authenticated', channel: 'web' },
  { kind: 'link', key: 'anon:app', to: 'user:ann', strength: 'authenticated', channel: 'app' },
  { kind: 'event', name: 'page', key: 'anon:kiosk', properties: {} },
  { kind: 'link', key: 'anon:pc', to: 'user:bob', strength: 'authenticated' },
  { kind: 'event', name: 'page', key: 'anon:pc', properties: { path: '/bob' } },
  { kind: 'logout', key: 'anon:pc' },
  { kind: 'link', key: 'anon:pc', to: 'user:eve', strength: 'authenticated' },
  { kind: 'event', name: 'page', key: 'anon:pc', properties: { path: '/eve' } },
  { kind: 'link', key: 'anon:kiosk', to: 'email:x@shop.example', strength: 'asserted' },
]

beforeAll(async () => {
  const flags = { dataDir: join(folder, 'data'), port: '0', adminPort: '0', logLevel: 'silent' }
  node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
  env = { HALFSECOND_ADMIN_URL: node.adminUrl, USER: 'ann' }
  const start = Date.now() - 60_000
  const records = told.map((record, i) => ({ ...record, id: `r${i}`, at: start + i }))
  expect((await post(`${node.url}/v1/events`, { records })).status).toBe(200)
  await vi.waitFor(async () => expect(await identifiersOf('user:ann')).toHaveLength(3), 10_000)
  await vi.waitFor(async () => expect(await identifiersOf('user:bob')).toHaveLength(2), 10_000)
})

afterAll(() => node.close())

async function identifiersOf(identifier: string): Promise<readonly unknown[]> {
  const { output } = await execute(['profile', 'get', identifier, '--json'], { env })
  const view: unknown = JSON.parse(output)
  return isFields(view) && Array.isArray(view.identifiers) ? view.identifiers : []
}

describe('profile get', () => {
  it.each(['user:ann', 'anon:web', 'anon:app'])(
    'shows the whole person, asked for by %s',
    async (one) => {
      const { code, output } = await execute(['profile', 'get', one], { env })

      expect(code).toBe(0)
      expect(output).toMatch(/^user:ann, anon:web, anon:app\n/)
      expect(output).toMatch(/\n {2}tier = gold \(since 20\S+Z, by crm\)\n/)
      expect(output).toMatch(/\n {2}zone = Europe\/Rome \(since 20\S+Z, by web\)\n/)
      expect(output).toMatch(
        /\n {2}is anon:web = user:ann: authenticated \(since 20\S+Z, by web\)\n/,
      )
      expect(output).toMatch(/\n {2}2 entries in 1 sessions\n.*"\/a".*\n.*"\/b".*\n$/)
    },
  )

  it('shows what one identifier itself brought', async () => {
    const { output } = await execute(['profile', 'get', 'anon:app', '--alone'], { env })

    expect(output).toMatch(
      /^anon:app\n {2}is user:ann: authenticated .*\n {2}1 entries in 1 sessions\n/,
    )
  })
})

describe('profile timeline', () => {
  it('is a table of the newest on all channels', async () => {
    const { output } = await execute(['profile', 'timeline', 'anon:web'], { env })

    expect(output).toMatch(
      /^AT +CHANNEL {2}BY +WHAT\n20\S+Z {2}web +anon:web {2}page \{"path":"\/a"\}\n20\S+Z {2}app +anon:app {2}page .*\n$/,
    )
  })

  it('has as many entries as are asked for', async () => {
    const args = ['profile', 'timeline', 'user:ann', '--newest', '1', '--json']

    const { output } = await execute(args, { env })

    expect(JSON.parse(output)).toMatchObject({ timeline: [{ by: 'anon:app', kind: 'page' }] })
  })
})

describe('profile links and conflicts', () => {
  it('are a table with the state of each', async () => {
    const { output } = await execute(['profile', 'links', 'user:ann'], { env })

    expect(output).toMatch(
      /^LOWER +UPPER +SINCE +STRENGTH +STATE +UNDER +REASON\nanon:web +user:ann +20\S+Z +authenticated +valid +0\nanon:app +user:ann .*valid +0\n$/,
    )
  })

  it('say why a link joins nobody', async () => {
    const one = await execute(['profile', 'conflicts', 'anon:kiosk'], { env })
    const all = await execute(['profile', 'conflicts'], { env })
    const json = await execute(['profile', 'conflicts', '--json'], { env })
    const none = await execute(['profile', 'conflicts', 'user:ann'], { env })

    expect(one.output).toMatch(
      /^anon:kiosk = email:x@shop.example unverified: .*proven.* \(20\S+Z\)\n$/,
    )
    expect(all.output).toBe(one.output)
    expect(JSON.parse(json.output)).toMatchObject({ lower: 'anon:kiosk', state: 'unverified' })
    expect(none.output).toBe('no link was refused\n')
  })
})

describe('profile export', () => {
  it('prints everything held on one person as JSON', async () => {
    const { code, output } = await execute(['profile', 'export', 'anon:web'], { env })

    expect(code).toBe(0)
    expect(JSON.parse(output)).toMatchObject({
      identifiers: ['user:ann', 'anon:web', 'anon:app'],
      traits: { tier: { value: 'gold' }, zone: { value: 'Europe/Rome' } },
      audit: [{ what: 'link' }, { what: 'link' }],
      members: [
        { identifiers: ['user:ann'] },
        { identifiers: ['anon:web'], timeline: [{ id: 'r0' }] },
        { identifiers: ['anon:app'], timeline: [{ id: 'r1' }] },
      ],
    })
  })

  it('writes a file that appears once it is complete', async () => {
    const out = join(folder, 'ann.json')

    const { output, notes } = await execute(['profile', 'export', 'anon:web', '--out', out], {
      env,
    })

    expect({ output, notes }).toEqual({ output: '', notes: `wrote ${out}\n` })
    expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({ root: 'user:ann' })
    expect(existsSync(`${out}.partial`)).toBe(false)
  })
})

describe('profile split', () => {
  it('shows the two persons as they would be', async () => {
    const { code, output } = await execute(
      ['profile', 'split', 'anon:web', 'user:ann', '--dry-run'],
      { env },
    )

    expect(code).toBe(0)
    expect(output).toBe(
      [
        'the link of anon:web and user:ann would be dropped; they would be two persons:',
        'anon:web',
        '  traits: zone',
        'user:ann, anon:app',
        '  traits: tier',
        '',
      ].join('\n'),
    )
    expect(await identifiersOf('user:ann')).toHaveLength(3)
  })

  it('of two that are one by way of a third says which links there are', async () => {
    const { code, notes } = await execute(['profile', 'split', 'anon:web', 'anon:app'], { env })

    expect(code).toBe(1)
    expect(notes).toMatch(/^INVALID: .*split one of anon:web user:ann \(.*\), anon:app user:ann/)
  })

  it('makes two persons, which are both to be seen when it ends, and is in the audit', async () => {
    const split = await execute(['profile', 'split', 'user:ann', 'anon:web'], { env })
    const audit = await execute(['profile', 'audit', 'anon:web'], { env })

    expect(split.output).toMatch(
      /^the link of anon:web and user:ann is dropped; they are two persons:\n/,
    )
    expect(await identifiersOf('user:ann')).toEqual(['user:ann', 'anon:app'])
    expect(await identifiersOf('anon:web')).toEqual(['anon:web'])
    expect(audit.output).toMatch(
      /^AT +WHAT +OF +OTHER +CHANNEL +SOURCE .*\n20\S+Z +split +anon:web +user:ann +operator +ann /,
    )
  })
})

describe('a device that two people share', () => {
  it('shows each of them their own, and by its name whoever has it now', async () => {
    const { output: now } = await execute(['profile', 'get', 'anon:pc'], { env })
    const { output: then } = await execute(['profile', 'get', 'anon:pc', '--epoch', '0'], { env })
    const { output: bob } = await execute(['profile', 'get', 'user:bob'], { env })

    expect(then).toMatch(/^user:bob, anon:pc\n/)
    expect(then).toMatch(/ page \{"path":"\/bob"\}\n/)
    expect(then).not.toContain('eve')
    expect(bob.split('\n')[0]).toBe('user:bob, anon:pc')
    expect(now).toMatch(/^user:eve, anon:pc #2\n/)
    expect(now).toMatch(
      /\n {2}epoch 0 to 20\S+Z: somebody was logged in\n {2}epoch 1 .*: nobody was/,
    )
    expect(now).not.toContain('bob')
  })

  it('may be split from whoever had it before', async () => {
    const { output } = await execute(['profile', 'split', 'anon:pc', 'user:bob'], { env })

    expect(output).toMatch(/^the link of anon:pc and user:bob is dropped; they are two persons:\n/)
    expect(await identifiersOf('user:eve')).toEqual(['user:eve', 'anon:pc #2'])
  })
})

describe('a person that nobody knows', () => {
  it.each(['get', 'timeline', 'links', 'audit', 'export', 'conflicts'])(
    'ends profile %s with 1',
    async (command) => {
      const { code, notes } = await execute(['profile', command, 'anon:nobody'], { env })

      expect(code).toBe(1)
      expect(notes).toBe('INVALID: nothing is known of anon:nobody\n')
    },
  )
})
