import { join } from 'node:path'
import { connect } from '@halfsecond/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { type RunningNode, startNode } from '../../../src/node.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute } from '../support/command.ts'

const folder = scratchFolder()
const playbook = `
playbook: shop
consent: { personalise: assumed }
events:
  viewed: { category: string }
catalogues:
  shop:
    fields: { category: string, price: double, tags: list(string) }
placements:
  home: { channel: web, format: banner, fallback: { title: Welcome } }
offers:
  again:
    from: shop
    match: item.category == favourite("viewed", "category", "30d")
    value: item.price
    treatments:
      banner: { price: "\${item.price}" }
`

let node: RunningNode
let env: { HALFSECOND_ADMIN_URL: string }

async function start(): Promise<void> {
  const flags = { dataDir: join(folder, 'data'), port: '0', adminPort: '0', logLevel: 'silent' }
  node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
  env = { HALFSECOND_ADMIN_URL: node.adminUrl }
}

beforeAll(async () => {
  await start()
  const { code } = await execute(['playbook', 'publish', '-'], { env, input: playbook })
  expect(code).toBe(0)
})

afterAll(() => node.close())

function ndjson(items: readonly object[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join('')
}

const many = Array.from({ length: 5_000 }, (_, i) => ({
  id: `sku-${i}`,
  category: `c${i % 50}`,
  price: i,
}))

const csv = 'sku,category,price,tags\nnew,c7,99999.5,a|b\nold,c7,1,\n'

function catalogueImport(input: string, ...options: readonly string[]) {
  return execute(['catalogue', 'import', 'shop', '-', '--json', ...options], { env, input })
}

async function shown(): Promise<string | undefined> {
  const client = connect(node.url, { channel: 'web' })
  try {
    const visitor = client.visitor({ crm: '991' })
    await visitor.track('viewed', { category: 'c7' })
    return (await visitor.decide('home', { deadlineMs: 2_000 })).offer
  } finally {
    await client.close()
  }
}

describe('catalogue import', () => {
  it('makes a version, and the playbook decide by it from then on', async () => {
    expect(await shown()).toBeUndefined()

    const { code, output, notes } = await catalogueImport(ndjson(many), '--by', 'ada')
    expect(notes).toBe('')

    expect(code).toBe(0)
    expect(JSON.parse(output)).toMatchObject({ items: 5_000, faulty: 0, version: 1, playbook: 2 })
    expect(await shown()).toBe('again/sku-4957')
  })

  it('takes CSV, whose columns are what is said of them', async () => {
    const { output } = await catalogueImport(
      csv,
      '--id',
      'sku',
      '--fields',
      'price:double,tags:list',
    )

    expect(JSON.parse(output)).toMatchObject({ items: 2, version: 2, playbook: 3 })
    expect(await shown()).toBe('again/new')
  })

  it('changes nothing where the same is imported again', async () => {
    const { output } = await catalogueImport(
      csv,
      '--id',
      'sku',
      '--fields',
      'price:double,tags:list',
    )

    const imported: unknown = JSON.parse(output)
    expect(imported).toMatchObject({ version: 2 })
    expect(imported).not.toHaveProperty('playbook')
    expect(node.api.playbook()?.version).toBe(3)
  })

  it('makes no version of a file with a faulty line, and says which', async () => {
    const input = `${ndjson([{ id: 'a', category: 'c7' }])}rubbish\n${ndjson([{ id: 'a' }])}`

    const { code, output, notes } = await catalogueImport(input, '--format', 'ndjson')

    expect(code).toBe(1)
    expect(JSON.parse(output)).toEqual({ items: 1, faulty: 2 })
    expect(notes).toContain('-:2: not a JSON object\n')
    expect(notes).toContain('-:3: item a is here twice\n')
  })

  it('sends nothing in a dry run', async () => {
    const { code, output } = await catalogueImport(ndjson(many), '--dry-run')

    expect(code).toBe(0)
    expect(JSON.parse(output)).toEqual({ items: 5_000, faulty: 0 })
    expect(node.api.playbook()?.version).toBe(3)
  })
})

describe('catalogue ls', () => {
  it('lists the versions, newest first', async () => {
    const { output } = await execute(['catalogue', 'ls', 'shop'], { env })

    expect(output).toMatch(
      /^version {2}items {2}imported .*\n2 {8}2 {6}\S+ .*\n1 {8}5000 {3}\S+ +ada /,
    )
  })

  it('says where there is none', async () => {
    const { output } = await execute(['catalogue', 'ls', 'other'], { env })

    expect(output).toBe('no version of other yet\n')
  })
})

it('a catalogue is there after a restart, and goes back with its playbook', async () => {
  await node.close()
  await start()
  expect(await shown()).toBe('again/new')

  const { code } = await execute(['playbook', 'rollback', '2'], { env })

  expect(code).toBe(0)
  expect(await shown()).toBe('again/sku-4957')
})
