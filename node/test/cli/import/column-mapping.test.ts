import { HalfsecondError } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { columnsIn, readColumnMapping } from '../../../src/cli/import/column-mapping.ts'
import { mappingText } from '../../../src/cli/import/mapping.ts'

const crm = `
source: crm
format: csv
key: crm:\${id}
links:
  - { to: "email:\${mail}", strength: authenticated }
  - { to: "user:\${country}-\${login}" }
traits:
  tier: level
  age: { column: age, type: int }
at: updated
mode: full
`

function faultsOf(text: string): string {
  try {
    readColumnMapping('m.yaml', text)
  } catch (error) {
    if (error instanceof HalfsecondError) return `${error.code}: ${error.message}`
    throw error
  }
  return 'none'
}

describe('a mapping file', () => {
  it('says which columns are read, and what they are', () => {
    const mapping = readColumnMapping('m.yaml', crm)

    expect(mapping).toMatchObject({ source: 'crm', format: 'csv', delimiter: ',', mode: 'full' })
    expect(mapping.links.map(({ strength }) => strength)).toEqual(['authenticated', 'asserted'])
    expect(mapping.traits).toEqual([
      { trait: 'tier', column: 'level', type: 'string', separator: ',' },
      { trait: 'age', column: 'age', type: 'int', separator: ',' },
    ])
    expect(columnsIn(mapping)).toEqual([
      'id',
      'mail',
      'country',
      'login',
      'level',
      'age',
      'updated',
    ])
  })

  it('may be JSON, and changes nothing but what its source says where nothing else is written', () => {
    const text = JSON.stringify({
      source: 'shop',
      format: 'ndjson',
      key: `user:\${u}`,
      traits: { size: 's' },
    })

    expect(readColumnMapping('m.json', text)).toMatchObject({ mode: 'delta', links: [] })
  })

  it('is another import where it says anything else, however its traits are ordered', () => {
    const textOf = (text: string) =>
      mappingText({ format: 'mapped', columns: readColumnMapping('m', text), modifiedAt: 1 })
    const reordered = crm
      .replace('  tier: level\n', '')
      .replace('type: int }\n', 'type: int }\n  tier: level\n')

    expect(textOf(reordered)).toBe(textOf(crm))
    expect(textOf(crm.replace('mode: full', 'mode: delta'))).not.toBe(textOf(crm))
  })

  it.each([
    ['a key without a column', crm.replace(`crm:\${id}`, 'crm:1'), /m\.yaml:4:6 key: it names no/],
    [
      'a column without an end',
      crm.replace(`\${mail}`, `\${mail`),
      /6:11 links\.0\.to: columns are/,
    ],
    ['an unknown type', crm.replace('int', 'integer'), /traits\.age.*: must be/],
    ['an unknown member', crm.replace('mode:', 'modus:'), /no such key here.*did you mean "mode"/],
    ['nothing to import', `source: a\nformat: csv\nkey: "crm:\${id}"`, /neither traits nor links/],
    ['a missing source', crm.replace('source: crm', ''), /"source" is missing/],
    ['a source above its bound', crm.replace('crm\n', `${'é'.repeat(40)}\n`), /longer than 64/],
  ])('is refused with its place for %s', (_, text, expected) => {
    expect(faultsOf(text)).toMatch(/^INVALID: the mapping cannot be used/)
    expect(faultsOf(text)).toMatch(expected)
  })
})
