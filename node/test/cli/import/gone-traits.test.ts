import { builtInNamespaces, parseIdentifier } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { type GoneUses, goneTraits } from '../../../src/cli/import/gone-traits.ts'
import { everyTrait, KeyTable } from '../../../src/cli/import/key-table.ts'

const time = (ms: number) => new Date(ms).toISOString()

const known = [
  { identifier: 'crm:1', traits: { tier: { value: 'gold', at: time(10), source: 'crm' } } },
  {
    identifier: 'crm:2',
    traits: { tier: { value: 'gold', at: time(10) }, age: { value: 4, at: time(20) } },
  },
  { identifier: 'crm:3', traits: { tier: { value: 'new', at: time(5_000) } } },
]

async function gone(table: KeyTable, more: Partial<GoneUses> = {}) {
  async function* told() {
    yield* known
  }
  const uses = { source: 'crm', channel: undefined, table, isComplete: true, modifiedAt: 1_000 }
  const found = []
  for await (const { key, at, unset } of goneTraits(told(), {
    ...uses,
    namespaces: builtInNamespaces,
    ...more,
  }))
    found.push([key, at, unset])
  return found
}

function tableOf(entries: { readonly [key: string]: readonly string[] }): KeyTable {
  const table = new KeyTable()
  for (const [key, traits] of Object.entries(entries)) table.add(parseIdentifier(key), traits)
  return table
}

describe('what a source does not say any more', () => {
  it('is unset just after it was said: of keys that the file lacks, and of traits that a row lacks', async () => {
    expect(await gone(tableOf({ 'crm:2': ['age'] }))).toEqual([
      ['crm:1', 11, ['tier']],
      ['crm:2', 11, ['tier']],
    ])
    expect(await gone(tableOf({ 'crm:1': ['tier'] }))).toEqual([['crm:2', 21, ['tier', 'age']]])
  })

  it('stays where it was said after the file was written', async () => {
    const found = await gone(tableOf({ 'crm:9': [] }), { modifiedAt: 15 })

    expect(found).toEqual([
      ['crm:1', 11, ['tier']],
      ['crm:2', 11, ['tier']],
    ])
  })

  it('stays where a row was rejected: of its key, or of all that might be the one it was about', async () => {
    const table = tableOf({ 'crm:1': [everyTrait], 'crm:2': ['age'] })

    expect(await gone(table)).toEqual([['crm:2', 11, ['tier']]])
    expect(await gone(tableOf({ 'crm:2': ['age'] }), { isComplete: false })).toEqual([
      ['crm:2', 11, ['tier']],
    ])
  })
})
