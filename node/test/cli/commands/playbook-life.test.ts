import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { type RunningNode, startNode } from '../../../src/node.ts'
import { post } from '../../http/support/running-server.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute } from '../support/command.ts'

const folder = scratchFolder()
const visitors = 20
const first = `playbook: shop
consent: { personalise: assumed }
events: { page: { path: string } }
placements:
  hero: { channel: web, format: banner, fallback: { title: Welcome } }
  side: { channel: web, format: note, fallback: { title: Note } }
offers:
  reader: { when: 'count("page", "1d") > 0', treatments: { banner: { title: You read } } }
tests:
  - it: is shown to readers
    given: [{ visitor: "user:1", event: page, path: /a }]
    then: [{ at: hero, offer: reader }]
`
/** Readers of at least five pages: 5 of 20 visitors. */
const stricter = first
  .replace('> 0', '> 4')
  .replace('given: [{ visitor: "user:1", event: page, path: /a }]', 'given: []')
  .replace('{ at: hero, offer: reader }', '{ at: hero, fallback: true }')
const file = join(folder, 'shop.yaml')

let node: RunningNode
let env: { HALFSECOND_ADMIN_URL: string; USER: string }

async function start(): Promise<void> {
  const flags = { dataDir: join(folder, 'data'), port: '0', adminPort: '0', logLevel: 'silent' }
  node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
  env = { HALFSECOND_ADMIN_URL: node.adminUrl, USER: 'ann' }
}

beforeAll(async () => {
  await start()
  const at = Date.now() - 60_000
  const page = { kind: 'event', name: 'page', properties: { path: '/a' } }
  const records = Array.from({ length: visitors }, (_, i) =>
    Array.from({ length: i < 5 ? 6 : 1 }, (_page, n) => ({
      ...page,
      key: `anon:v${i}`,
      id: `${i}-${n}`,
      at,
    })),
  ).flat()
  expect(await post(`${node.url}/v1/events`, { records })).toMatchObject({ status: 200 })
  await vi.waitFor(async () => {
    const { code } = await execute(['profile', 'get', `anon:v${visitors - 1}`], { env })
    expect(code).toBe(0)
  }, 10_000)
})

afterAll(() => node.close())

function run(args: readonly string[], text?: string) {
  if (text !== undefined) writeFileSync(file, text)
  return execute(['playbook', ...args], { env })
}

async function versions(): Promise<unknown> {
  const { output } = await run(['log', '--json'])
  return JSON.parse(output)
}

describe('the life of a playbook', () => {
  it('begins with a version, of which it is known who made it and why', async () => {
    const { code, output } = await run(['publish', file, '--note', 'the first'], first)

    expect({ code, output }).toEqual({
      code: 0,
      output: `changes: 6 added
  + playbook: shop
  + consent: {"personalise":"assumed"}
  + event page: added
  + placement hero: added
  + placement side: added
  + offer reader: added
  + test is shown to readers: added
shop decides from now on, as version 1
`.replace('6 added', '7 added'),
    })
    expect(await versions()).toMatchObject({
      versions: [{ version: 1, name: 'shop', by: 'ann', note: 'the first', isForced: false }],
    })
  })

  it('tells in a dry run what would be, and publishes nothing', async () => {
    const { code, output } = await run(['publish', file, '--dry-run'], stricter)

    expect(code).toBe(0)
    expect(output).toContain(`changes: 2 changed
  ~ offer reader: when: count("page", "1d") > 0 → count("page", "1d") > 4
`)
    expect(output).toContain(`tried on the last 20 timelines
  default content at  before  after
  hero                0 %     75 %
  side                100 %   100 %
objection: hero would show default content to 75 % instead of 0 % of the last 20 timelines
shop: it would be refused without --force; nothing was
`)
    expect(await versions()).toMatchObject({ versions: [{ version: 1 }] })
  })

  it('is refused where much more default content would be shown', async () => {
    const { code, output, notes } = await run(['publish', file], stricter)

    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(notes).toMatch(/^INVALID: not published: hero would show .* 75 % .*--force\n$/)
    expect(await versions()).toMatchObject({ versions: [{ version: 1 }] })
  })

  it('is refused where its own tests fail, with their places', async () => {
    const failing = first.replace('> 0', '> 1')

    const { code, output, notes } = await run(['publish', file], failing)

    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(notes).toMatch(/shop\.yaml:12:31 tests\.0\.then\.0\.offer: "is shown to readers" fails/)
    expect(notes).toMatch(/1 fault; not published\n$/)
  })

  it('goes on where its author insists, and that is kept', async () => {
    const { code, output } = await run(['publish', file, '--force', '--by', 'bob'], stricter)

    expect(code).toBe(0)
    expect(output).toMatch(/shop decides from now on, as version 2\n$/)
    expect(await versions()).toMatchObject({
      versions: [
        {
          version: 2,
          by: 'bob',
          isForced: true,
          changes: { added: 0, removed: 0, changed: 2 },
          trial: { timelines: 20, placements: { hero: { asked: 20, before: 0, after: 15 } } },
        },
        { version: 1 },
      ],
    })
  })

  it('is compared with what decides, and with any version', async () => {
    const now = await run(['diff', file], first)
    const before = await run(['diff', '1', '2'])

    expect(now.output).toContain('> 4 → count("page", "1d") > 0')
    expect(before.output).toContain('> 0 → count("page", "1d") > 4')
  })

  it('is shown by its number', async () => {
    expect((await run(['show', '1'])).output).toBe(first)
    expect((await run(['show'])).output).toBe(stricter)
    expect(await run(['show', '9'])).toMatchObject({
      code: 1,
      notes: 'INVALID: no playbook has the number 9; see halfsecond playbook log\n',
    })
  })

  it('goes back, under a new number', async () => {
    const dry = await run(['rollback', '1', '--dry-run'])
    const done = await run(['rollback', '1', '--note', 'too strict'])

    expect(dry.output).toMatch(
      / {2}hero {16}75 % {4}0 %\n(.*\n)*shop: it would be published; nothing was\n$/,
    )
    expect(done.output).toMatch(/shop decides from now on, as version 3\n$/)
    expect((await run(['show'])).output).toBe(first)
    expect((await run(['log'])).output).toMatch(
      /^ {3}3 {2}20\S+Z {2}shop {2}by ann {2}\(as version 1 again\) {2}\+0 -0 ~2\n {6}too strict\n {6}tried on 20 timelines\n {3}2 {2}/,
    )
  })

  it('goes back even where that takes content away', async () => {
    const { code, output } = await run(['rollback', '2'])

    expect(code).toBe(0)
    expect(output).toMatch(
      /\nwarning: hero would show .* 75 % .*\nshop decides from now on, as version 4\n$/,
    )
    expect(await versions()).toMatchObject({
      versions: [{ version: 4, rollsBack: 2, isForced: false }, {}, {}, {}],
    })
  })

  it('is tried on persons, whose timelines have several identifiers', async () => {
    const link = { kind: 'link', key: 'anon:v0', to: 'user:ann', strength: 'authenticated' }
    const records = [{ ...link, id: 'link' }]
    expect(await post(`${node.url}/v1/events`, { records })).toMatchObject({ status: 200 })
    await vi.waitFor(async () => {
      const { output } = await execute(['profile', 'get', 'user:ann'], { env })
      expect(output).toMatch(/^user:ann, anon:v0\n/)
    }, 10_000)

    // What it asks for nobody has counted yet: it is counted anew, at the home of each identifier.
    const asking = first.replace('count("page", "1d") > 0', 'count("page", "2d") > 5')
    const { output } = await run(['publish', file, '--dry-run'], asking)

    expect(output).toContain('tried on the last 20 timelines\n')
    expect(output).toMatch(/ {2}hero {16}\d+ % +75 %\n/)
  })

  it('is tried after a restart, too, on what left memory', async () => {
    await node.close()
    await start()

    expect((await run(['rollback', '1', '--dry-run'])).output).toContain(
      'tried on the last 20 timelines\n',
    )
  })

  it('goes back to no version that there never was', async () => {
    expect(await run(['rollback', '99'])).toMatchObject({ code: 1, output: '' })
    expect(await run(['rollback', 'x'])).toMatchObject({ code: 1, output: '' })
  })
})
