import { join } from 'node:path'
import { connect } from '@halfsecond/client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { type RunningNode, startNode } from '../../../src/node.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute } from '../support/command.ts'

const folder = scratchFolder()
const day = 86_400_000
const start = Date.now() - 30 * day
const stricter = `identity: fernhill-shop
namespaces:
  loyalty: { class: account, rank: 405, unique: true }
  anon: { max: 5, per: 7d }
  email: { blocked: [noreply@shop.example] }
`

let node: RunningNode
let env: { HALFSECOND_ADMIN_URL: string; USER: string }

beforeAll(async () => {
  const flags = { dataDir: join(folder, 'data'), port: '0', adminPort: '0', logLevel: 'silent' }
  node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
  env = { HALFSECOND_ADMIN_URL: node.adminUrl, USER: 'ann' }
})

afterAll(() => node.close())

describe('identity plan', () => {
  it('ID-16 ID-17 tells exactly the profiles that apply then changes: the 6th device of a week leaves', async () => {
    for (let i = 0; i < 6; i++) await link(`anon:a${i}`, 'user:1', start + i * 1_000)
    for (let i = 0; i < 6; i++) await link(`anon:b${i}`, 'user:2', start + i * 2 * day)
    await membersAre('user:1', [
      'anon:a0',
      'anon:a1',
      'anon:a2',
      'anon:a3',
      'anon:a4',
      'anon:a5',
      'user:1',
    ])
    await membersAre('user:2', [
      'anon:b0',
      'anon:b1',
      'anon:b2',
      'anon:b3',
      'anon:b4',
      'anon:b5',
      'user:2',
    ])

    const planned = await json(['identity', 'plan', '-'], stricter)

    expect(planned).toMatchObject({
      identity: 'fernhill-shop',
      base: 0,
      isSame: false,
      changing: 1,
      changes: [
        {
          profile: 'user:1',
          members: 7,
          stays: {
            members: 6,
            named: ['anon:a0', 'anon:a1', 'anon:a2', 'anon:a3', 'anon:a4', 'user:1'],
          },
          leaves: [{ members: 1, named: ['anon:a5'] }],
          refused: [
            {
              lower: 'anon:a5',
              upper: 'user:1',
              reason: 'a profile has at most 5 anon within 7 days',
            },
          ],
        },
      ],
    })
    const applied = await json(['identity', 'apply', '-'], stricter)
    expect(applied).toMatchObject({ version: 1, changes: planned.changes })
    await membersAre('user:1', ['anon:a0', 'anon:a1', 'anon:a2', 'anon:a3', 'anon:a4', 'user:1'])
    await membersAre('user:2', [
      'anon:b0',
      'anon:b1',
      'anon:b2',
      'anon:b3',
      'anon:b4',
      'anon:b5',
      'user:2',
    ])
    expect(await json(['identity', 'plan', '-'], stricter)).toMatchObject({
      isSame: true,
      changing: 0,
    })
  })

  it('tells the faults of a file with their places, and ends with 1', async () => {
    const moved = stricter.replace('rank: 405', 'rank: 406')

    const { code, notes } = await execute(['identity', 'plan', '-'], { env, input: moved })

    expect(code).toBe(1)
    expect(notes).toBe(
      '-:3:36 namespaces.loyalty.rank: loyalty is in use: this stays 405\n1 fault; nothing was changed\n',
    )
  })
})

describe('identity apply', () => {
  it('gives a text that holds already no number', async () => {
    expect(await json(['identity', 'apply', '-'], stricter)).toMatchObject({ version: 1 })
  })

  it('brings its namespaces and blocked values to clients and doors', async () => {
    // The map has it a moment after the shards; a client by HTTP that knows an older one asks every 30 s.
    await vi.waitFor(() => expect(node.api.namespaces.has('loyalty')).toBe(true), 10_000)
    const client = connect(node.url, { channel: 'web' })

    await client.ready()
    const visitor = client.visitor({ loyalty: '77' })
    await visitor.track('page')
    const { body } = await post({
      id: 'x',
      kind: 'event',
      name: 'page',
      key: 'email:NoReply@shop.example',
    })

    expect(body).toContain('blocked by the identity configuration')
    expect(() => client.visitor({ email: 'noreply@shop.example' })).toThrow(/blocked/)
    await client.close()
  })

  it('keeps who did it and when', async () => {
    const shown = await json(['identity', 'show'])

    expect(shown).toMatchObject({
      version: 1,
      identity: 'fernhill-shop',
      by: 'ann',
      versions: [{ version: 1, by: 'ann', at: expect.stringMatching(/^20\d\d-/) }],
    })
  })
})

describe('identity revert', () => {
  it('holds the earlier rules again, keeps new namespaces, and unlinks what was linked since', async () => {
    await link('anon:c', 'user:3', Date.now())
    await membersAre('user:3', ['anon:c', 'user:3'])

    const planned = await json(['identity', 'revert', '0', '--dry-run'])
    const reverted = await json(['identity', 'revert', '0', '--by', 'bob'])

    expect(planned).toMatchObject({
      unlinking: 1,
      unlinked: [{ lower: 'anon:c', upper: 'user:3', under: 1 }],
    })
    expect(reverted).toMatchObject({ version: 2, identity: 'built-in', unlinking: 1 })
    await membersAre('user:3', [])
    await membersAre('anon:c', ['anon:c'])
    await membersAre('user:1', ['anon:a0', 'anon:a1', 'anon:a2', 'anon:a3', 'anon:a4', 'user:1'])
    expect(await json(['identity', 'show'])).toMatchObject({ version: 2, reverts: 0, by: 'bob' })
    expect(node.api.namespaces.has('loyalty')).toBe(true)
    // The map brings it to the doors, a moment later.
    await vi.waitFor(
      () => expect(node.api.namespaces.get('email')?.blocked).toBeUndefined(),
      10_000,
    )
  })

  it('refuses a version that is none', async () => {
    const { code, notes } = await execute(['identity', 'revert', '7'], { env })

    expect(code).toBe(1)
    expect(notes).toBe('INVALID: a version before the present one is a number from 0 to 1\n')
  })
})

describe('the built-in configuration', () => {
  it('ID-8 an e-mail that everybody asserts joins nobody: it takes a login', async () => {
    for (let i = 0; i < 40; i++) {
      await link(`anon:many${i}`, 'email:info@shop.example', Date.now(), 'asserted')
    }
    await link('anon:last', 'user:last', Date.now())
    await membersAre('user:last', ['anon:last', 'user:last'])

    await membersAre('anon:many7', ['anon:many7'])
    await membersAre('anon:many39', ['anon:many39'])
  })
})

async function json(args: string[], input = ''): Promise<{ readonly [name: string]: unknown }> {
  const { code, output, notes } = await execute([...args, '--json'], { env, input })
  expect({ code, notes }).toEqual({ code: 0, notes: '' })
  return JSON.parse(output)
}

let links = 0

async function link(
  key: string,
  to: string,
  at: number,
  strength = 'authenticated',
): Promise<void> {
  const id = `link-${++links}`
  const { status, body } = await post({ kind: 'link', id, key, to, at, strength })
  expect({ status, body }).toEqual({ status: 200, body: expect.stringContaining('position') })
}

async function post(record: object): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(`${node.url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ records: [record] }),
  })
  return { status: response.status, body: await response.text() }
}

/** Links reach their root by way of other shards' logs. */
async function membersAre(identifier: string, members: readonly string[]): Promise<void> {
  await expect
    .poll(
      async () => {
        const { output } = await execute(['profile', 'get', identifier, '--json'], { env })
        return output === '' ? [] : JSON.parse(output).identifiers.toSorted()
      },
      { timeout: 10_000, interval: 50 },
    )
    .toEqual([...members])
}
