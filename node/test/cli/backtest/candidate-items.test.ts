import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { type RunningNode, startNode } from '../../../src/node.ts'
import { post } from '../../http/support/running-server.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute } from '../support/command.ts'

const folder = scratchFolder()

/** What somebody likes, the dearest first; a mug for whoever likes nothing that there is. */
const live = `playbook: shop
consent: { personalise: assumed }
traits: { likes: { type: string } }
catalogues:
  shop: { fields: { category: string, price: double } }
placements:
  hero: { channel: web, format: banner, count: 2, fallback: { title: Welcome } }
offers:
  liked:
    from: shop
    match: item.category == traits.likes
    value: item.price
    treatments: { banner: { title: "\${item.category}" } }
  mug: { value: 0.5, treatments: { banner: { title: Mug } } }
`
/** The same in other words: so it decides everything again. */
const reworded = live.replace('value: item.price', 'value: 1.0 * item.price')
const older = ['a1,shoes,30', 'a2,shoes,20', 'a3,hats,10']
const newer = ['a1,shoes,30', 'a4,shoes,40', 'a3,hats,10']

const file = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

let node: RunningNode
let env: { HALFSECOND_ADMIN_URL: string; USER: string }

beforeAll(async () => {
  const flags = { dataDir: join(folder, 'data'), port: '0', adminPort: '0', logLevel: 'silent' }
  node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
  env = { HALFSECOND_ADMIN_URL: node.adminUrl, USER: 'ann' }
  await imported('older.csv', older)
  expect(await execute(['playbook', 'publish', file('live.yaml', live)], { env })).toMatchObject({
    code: 0,
  })
  for (let i = 0; i < 30; i++) await visit(i)
  await imported('newer.csv', newer)
  await vi.waitFor(
    async () => {
      await visit(30)
      expect((await found(file('same.yaml', live))).playbooks).toHaveProperty('2')
    },
    { timeout: 20_000, interval: 200 },
  )
}, 60_000)

afterAll(() => node.close())

async function imported(name: string, lines: readonly string[]): Promise<void> {
  const path = file(name, `${['id,category,price', ...lines].join('\n')}\n`)
  const args = ['catalogue', 'import', 'shop', path, '--id', 'id', '--fields', 'price:double']
  expect(await execute(args, { env })).toMatchObject({ code: 0 })
}

/** Likes shoes or hats, by turns. */
async function visit(i: number): Promise<void> {
  const set = { likes: i % 2 === 0 ? 'shoes' : 'hats' }
  const record = { kind: 'traits', key: `anon:v${i}`, id: `t${i}`, set }
  const { body } = await post(`${node.url}/v1/events`, { records: [record] })
  const results = isFields(body) && Array.isArray(body.results) ? body.results : []
  const position = isFields(results[0]) ? results[0].position : undefined
  const placements = ['hero']
  const identifiers = { anon: `v${i}` }
  const answer = await post(`${node.url}/v1/decide`, { identifiers, placements, position })
  expect(answer).toMatchObject({ status: 200 })
}

async function found(candidate: string) {
  const args = ['backtest', candidate, '--json']
  const { code, output } = await execute(args, { env })
  expect(code).toBe(0)
  const { read, placements }: Record<string, unknown> = JSON.parse(output)
  const hero = Array.isArray(placements) ? placements.find(isFields) : undefined
  if (!isFields(read) || hero === undefined) throw new TypeError('a backtest')
  return { playbooks: read.playbooks, dropped: read.dropped, hero }
}

describe('a candidate that shows items of a catalogue', () => {
  it.each([
    ['is the playbook that decided', live],
    ['says the same as that in other words', reworded],
  ])('and %s agrees, by whichever version of the catalogue that was', async (_, text) => {
    const { hero, dropped } = await found(file('same.yaml', text))

    expect(dropped).toEqual({})
    expect(hero).toMatchObject({ agreement: 1, otherItems: 0, unsupported: 0, reachAfter: 1 })
    expect(hero.meanWeight).toBe(1)
  })

  it('gains and loses by offer, and says where only the items differ', async () => {
    const cheap = live.replace('value: item.price', 'value: 100.0 - item.price')
    const onlyShoes = live.replace(
      'match: item.category == traits.likes',
      'match: item.category == "shoes"',
    )

    const other = (await found(file('cheap.yaml', cheap))).hero
    const { hero } = await found(file('shoes.yaml', onlyShoes))

    // Whoever likes hats has one hat and a mug, whoever likes shoes two pairs in another order.
    expect(Number(other.agreement) + Number(other.otherItems)).toBe(1)
    expect(other.otherItems).toBeGreaterThan(0.4)
    expect(hero.offers).toEqual([
      expect.objectContaining({
        offer: 'mug',
        decisions: { before: 15, after: 0, gained: 0, lost: 15 },
      }),
      expect.objectContaining({ offer: 'liked' }),
    ])
  })

  it('is left out where nobody can be asked for the items, and that is said', async () => {
    const path = join(folder, 'decisions.bin')
    await execute(['decisions', 'export', '--out', path], { env })
    const bound = await execute(['playbook', 'show'], { env })
    const offline = { HALFSECOND_ADMIN_URL: 'http://127.0.0.1:9' }
    const before = ['--decisions', path, '--before', file('bound.yaml', bound.output)]

    const other = await execute(['backtest', file('reworded.yaml', reworded), ...before], {
      env: offline,
    })
    const same = await execute(['backtest', file('same.yaml', live), ...before], { env: offline })

    expect(other.code).toBe(1)
    expect(other.notes).toContain('at a placement whose items of a catalogue are not known')
    // What was shown is what it shows: nobody has to know of what that was chosen.
    expect(same.code).toBe(0)
    expect(same.output).toContain(
      'verdict: undecided: no decision differs, so the candidate earns what the log earned',
    )
  })
})
