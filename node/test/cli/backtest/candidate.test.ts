import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { type RunningNode, startNode } from '../../../src/node.ts'
import { post } from '../../http/support/running-server.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute } from '../support/command.ts'

const folder = scratchFolder()
const visitors = 300

/** Boots for whoever read pages, a tour for the others; a third learns which of two is clicked. */
const live = `playbook: shop
consent: { personalise: assumed }
events: { page: { path: string }, bought: {} }
placements:
  hero: { channel: web, format: banner, fallback: { title: Welcome } }
  side: { channel: web, format: note, fallback: { title: Note }, learn: { on: click, within: 1h, explore: 50% } }
offers:
  boots: { value: 3, when: 'count("page", "1d") > 1', treatments: { banner: { title: Boots } } }
  tour: { value: 2, treatments: { banner: { title: Tour } } }
  mug: { treatments: { note: { title: Mug } } }
  cap: { treatments: { note: { title: Cap } } }
`
/** Fewer pages are enough for boots. */
const eager = live.replace('> 1', '> 0')
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
  const published = await execute(['playbook', 'publish', file('live.yaml', live)], { env })
  expect(published).toMatchObject({ code: 0, notes: '' })
  for (let i = 0; i < visitors; i++) await visit(i)
  await vi.waitFor(
    async () => {
      const { code, output } = await backtest(file('same.yaml', live), '--json')
      expect(code).toBe(0)
      expect(fields(JSON.parse(output)).read).toMatchObject({ decisions: visitors })
    },
    { timeout: 20_000, interval: 200 },
  )
})

afterAll(() => node.close())

/** Reads as many pages as their number says, decides, and takes what is offered now and then. */
async function visit(i: number): Promise<void> {
  const key = `anon:v${i}`
  const records = Array.from({ length: i % 3 }, (_, n) => ({
    kind: 'event',
    name: 'page',
    key,
    id: `${i}-${n}`,
    properties: { path: '/a' },
  }))
  const identifiers = { anon: `v${i}` }
  const told = records.length > 0 ? await post(`${node.url}/v1/events`, { records }) : undefined
  const position = told && member(told.body, 'results', records.length - 1, 'position')
  const { body } = await post(`${node.url}/v1/decide`, {
    identifiers,
    placements: ['hero', 'side'],
    ...(position !== undefined && { position }),
  })
  const hero = member(body, 'decisions', 'hero')
  const side = member(body, 'decisions', 'side')
  const said: object[] = []
  if (i % 5 === 0) said.push({ token: tokenOf(hero), outcome: 'accept' })
  if (member(side, 'offer') === 'mug' && i % 2 === 0)
    said.push({ token: tokenOf(side), outcome: 'click' })
  if (said.length > 0)
    expect(await post(`${node.url}/v1/outcomes`, said)).toMatchObject({ status: 200 })
}

function tokenOf(decision: unknown): string {
  return String(member(decision, 'token'))
}

function member(value: unknown, ...path: (string | number)[]): unknown {
  let at = value
  for (const name of path)
    at = Array.isArray(at) ? at[Number(name)] : isFields(at) ? at[name] : undefined
  return at
}

function fields(value: unknown) {
  if (isFields(value)) return value
  throw new TypeError('an object')
}

function backtest(...args: string[]) {
  return execute(['backtest', ...args], { env })
}

async function json(...args: string[]) {
  const { code, output, notes } = await backtest(...args, '--json')
  expect({ code, notes }).toEqual({ code: 0, notes: '' })
  return fields(JSON.parse(output))
}

describe('a backtest of a candidate playbook', () => {
  it('of the playbook that decides agrees with all of it, and nobody gains or loses', async () => {
    const found = await json(file('same.yaml', live))

    expect(found.read).toMatchObject({
      decisions: visitors,
      whole: visitors,
      partial: 0,
      dropped: {},
      missing: [],
      playbooks: { 1: visitors },
    })
    for (const placement of ['hero', 'side']) {
      const one = at(found, placement)
      expect(one).toMatchObject({ agreement: 1, reachBefore: 1, reachAfter: 1, unsupported: 0 })
      expect(one).toMatchObject({ gain: 0, gainInterval: [0, 0], maxWeight: 1, meanWeight: 1 })
      expect(one).toMatchObject({ verdict: 'undecided', warnings: [] })
      for (const { decisions, people } of offersOf(one))
        for (const tally of [decisions, people]) expect(tally).toMatchObject({ gained: 0, lost: 0 })
    }
    const hero = at(found, 'hero')
    expect(hero).toMatchObject({ rows: visitors, people: visitors, ess: visitors })
    expect(hero.logged).toBeCloseTo(0.2, 9)
    expect(hero.snips).toBeCloseTo(0.2, 9)
  })

  it('of one that differs elsewhere says where no decision differs', async () => {
    const { output } = await backtest(file('eager.yaml', eager))

    const [, hero, side] = output.split(/\n(?=hero:|side:)/)
    expect(hero).toContain('verdict: refused')
    expect(side).toContain('the same is shown in 100 %')
    expect(side).toContain('largest weight 1.0\nverdict: undecided: no decision differs')
  })

  it('says who gains and who loses each offer, and that the log cannot know what that earns', async () => {
    const found = await json(file('eager.yaml', eager), '--placement', 'hero')

    expect(names(found)).toEqual(['hero'])
    const hero = at(found, 'hero')
    expect(hero.agreement).toBeCloseTo(2 / 3, 9)
    const third = visitors / 3
    const gained = { before: third, after: 2 * third, gained: third, lost: 0 }
    const lost = { before: 2 * third, after: third, gained: 0, lost: third }
    expect(offersOf(hero)).toEqual([
      { offer: 'boots', decisions: gained, people: gained },
      { offer: 'tour', decisions: lost, people: lost },
    ])
    expect(hero.unsupported).toBeCloseTo(1 / 3, 9)
    expect(hero).toMatchObject({ verdict: 'refused', refused: ['unsupported'] })
    expect(hero.warnings).toEqual([
      expect.stringMatching(
        /^the log shows boots banner to few of those who would see it, 67 % .* 50 % of that is covered$/,
      ),
    ])
  })

  it('takes what chance showed for what the candidate always shows', async () => {
    const mugs = file('mugs.yaml', live.replace(/ {2}cap: .*/, ''))

    const found = await json(mugs, '--placement', 'side', '--reward', 'click', '--within', '1h')

    expect(found.reward).toEqual({ outcome: 'click', withinMs: 3_600_000 })
    const side = at(found, 'side')
    // Half of those who were shown mugs clicked; how many that were depends on what was learnt by then.
    expect(Number(side.snips)).toBeGreaterThan(0.3)
    expect(Number(side.snips)).toBeLessThan(0.7)
    expect(Number(side.logged)).toBeLessThan(Number(side.snips))
    expect(Number(side.maxWeight)).toBeGreaterThan(1)
    expect(Number(side.maxWeight)).toBeLessThanOrEqual(4)
    expect(side).toMatchObject({ rows: visitors, unsupported: 0, warnings: [] })
  })

  it('knows nothing of what nobody looked at, and says so', async () => {
    const candidate = file(
      'bought.yaml',
      live.replace('count("page", "1d")', 'count("bought", "1d")'),
    )

    const { output } = await backtest(candidate, '--placement', 'hero')

    expect(output).toContain(
      'never logged, so unknown to the candidate: event bought, but --timelines makes it anew',
    )
    expect(output).toContain('is known of 0 % of them, in part of 100 %')
  })

  it('makes what was not logged anew from timelines, of a node or in a file', async () => {
    const condition = 'count("page", "1d", p, p.path == "/a") > 0'
    const candidate = file('read.yaml', live.replace('count("page", "1d") > 1', condition))
    const path = join(folder, 'with-timelines.bin')
    await execute(['decisions', 'export', '--timelines', '--out', path], { env })

    for (const source of [['--timelines'], ['--decisions', path]]) {
      const found = await json(candidate, '--placement', 'hero', ...source)

      expect(found.read).toMatchObject({ whole: visitors, partial: 0, rebuilt: visitors })
      const third = visitors / 3
      expect(offersOf(at(found, 'hero'))[0]).toMatchObject({
        offer: 'boots',
        decisions: { before: third, after: 2 * third, gained: third, lost: 0 },
      })
    }
    const { output } = await backtest(candidate, '--timelines')
    expect(output).toMatch(/never logged, so made anew from timelines: .*page/)
  })

  it('reads decisions from a file, and needs no node where the playbook is named', async () => {
    const path = join(folder, 'decisions.bin')
    await execute(['decisions', 'export', '--out', path], { env })
    const offline = { HALFSECOND_ADMIN_URL: 'http://127.0.0.1:9' }
    const same = file('same.yaml', live)
    const args = [
      'backtest',
      same,
      '--decisions',
      path,
      '--before',
      same,
      '--limit',
      '100',
      '--json',
    ]

    const { code, output } = await execute(args, { env: offline })

    expect(code).toBe(0)
    expect(fields(JSON.parse(output)).read).toMatchObject({ decisions: 100, whole: 100 })
  })

  it('says where nothing was decided at the placement', async () => {
    const path = join(folder, 'hero.bin')
    await execute(['decisions', 'export', '--out', path], { env })
    const more = file(
      'more.yaml',
      live.replace('offers:', '  foot: { channel: web, format: note, fallback: {} }\noffers:'),
    )

    const asked = await backtest(more, '--placement', 'foot')
    const read = await backtest(more, '--placement', 'foot', '--decisions', path)

    expect(asked.notes).toContain('no decision at foot was logged in this time')
    expect(read.notes).toContain(`no decision in ${path} was made at foot`)
  })

  it('says what is wrong with the playbook that decided', async () => {
    const same = file('same.yaml', live)
    const broken = file('broken.yaml', live.replace('channel: web', 'chanel: web'))

    const { code, notes } = await backtest(same, '--before', broken)

    expect(code).toBe(1)
    expect(notes).toContain(`${broken}:`)
    expect(notes).toContain('chanel')
  })

  it('says which file holds no decisions', async () => {
    const playbook = file('no-decisions.yaml', live)
    const { code, notes } = await backtest(playbook, '--decisions', playbook)

    expect(code).toBe(1)
    expect(notes).toContain(`MALFORMED: ${playbook} is no file that halfsecond decisions export`)
  })

  it('writes a picture, and a page with all words', async () => {
    const candidate = file('eager.yaml', eager)
    const svg = join(folder, 'report.svg')
    const html = join(folder, 'report.html')

    await backtest(candidate, '--report', svg)
    await backtest(candidate, '--report', html)

    expect(readFileSync(svg, 'utf8')).toMatch(
      /^<svg (.|\n)*hero: refused(.|\n)*gains 100(.|\n)*<\/svg>\n$/,
    )
    expect(readFileSync(html, 'utf8')).toContain('verdict: refused: 33 % of')
  })

  it.each([
    [['nowhere.yaml'], /cannot read nowhere\.yaml/],
    [['LIVE', '--placement', 'nowhere'], /has no placement "nowhere"/],
    [['LIVE', '--reward', 'applause'], /--reward is "applause"/],
    [['LIVE', '--within', 'soon'], /--within is "soon"/],
    [['LIVE', '--limit', '0'], /--limit is "0"/],
    [['LIVE', '--since', 'ever'], /--since is "ever"/],
    [['LIVE', '--report', 'all.pdf'], /--report is "all.pdf"/],
    [['LIVE', '--log', 'x.csv'], /a candidate playbook, or a log/],
    [[], /a candidate playbook, or a log/],
  ])('refuses %s', async (args, why) => {
    const { code, notes } = await backtest(
      ...args.map((arg) => (arg === 'LIVE' ? file('live.yaml', live) : arg)),
    )

    expect(code).not.toBe(0)
    expect(notes).toMatch(why)
  })
})

function at(found: { readonly [name: string]: unknown }, placement: string) {
  const { placements } = found
  const all = Array.isArray(placements) ? placements.filter(isFields) : []
  return fields(all.find((one) => one.placement === placement))
}

function names({ placements }: { readonly [name: string]: unknown }): unknown[] {
  return Array.isArray(placements) ? placements.map((one) => member(one, 'placement')) : []
}

function offersOf({ offers }: { readonly [name: string]: unknown }) {
  return Array.isArray(offers) ? offers.filter(isFields) : []
}
