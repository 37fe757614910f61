import { builtInNamespaces } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readColumnMapping } from '../../../src/cli/import/column-mapping.ts'
import { columnValue } from '../../../src/cli/import/column-value.ts'
import { readRows } from '../../../src/cli/import/reader.ts'
import type { Row } from '../../../src/cli/import/row.ts'
import { fill, parseTemplate } from '../../../src/cli/import/template.ts'

const modifiedAt = 1_700_000_000_000

const mapping = (format: string) => `
source: crm
channel: batch
format: ${format}
key: crm:\${id}
links:
  - { to: "email:\${mail}", strength: authenticated }
  - { to: "anon:\${device}", strength: observed }
traits:
  tier: level
  age: { column: age, type: int }
  tags: { column: tags, type: list, separator: "|" }
`

async function rowsOf(text: string, format = 'csv', more = ''): Promise<Row[]> {
  const columns = readColumnMapping('m.yaml', mapping(format) + more)
  async function* bytes() {
    yield Buffer.from(text)
  }
  const rows: Row[] = []
  for await (const some of readRows(
    bytes(),
    { format: 'mapped', columns, modifiedAt },
    builtInNamespaces,
  ))
    rows.push(...some)
  return rows
}

const header = 'id,name,mail,device,level,age,tags\n'

describe('a row by a mapping', () => {
  it('is traits at its key and a link at each lower end, all with source, channel and time', async () => {
    const [row] = await rowsOf(`${header}7,Ann,Ann@X.com,d1,gold,41,a| b\n`)

    const common = { at: modifiedAt, source: 'crm', channel: 'batch' }
    expect(row).toMatchObject({
      line: 2,
      key: 'crm:7',
      traits: ['tier', 'age', 'tags'],
      drafts: [
        {
          kind: 'traits',
          key: 'crm:7',
          set: { tier: 'gold', age: 41, tags: ['a', 'b'] },
          unset: [],
          ...common,
        },
        { kind: 'link', key: 'email:ann@x.com', to: 'crm:7', strength: 'authenticated', ...common },
        { kind: 'link', key: 'anon:d1', to: 'crm:7', strength: 'observed', ...common },
      ],
    })
    expect(JSON.stringify(row)).not.toContain('"Ann"')
  })

  it('says nothing of what is empty', async () => {
    const [row] = await rowsOf(`${header}7,Ann,, ,gold,,\n`)

    expect(row).toMatchObject({ traits: ['tier'], drafts: [{ set: { tier: 'gold' } }] })
  })

  it('reads the members of JSON objects alike, lists and numbers included', async () => {
    const object = { id: 7, mail: null, level: 'gold', age: 41, tags: ['a', 'b'], more: { x: 1 } }

    const [row] = await rowsOf(JSON.stringify(object), 'ndjson')

    expect(row).toMatchObject({
      key: 'crm:7',
      drafts: [{ set: { tier: 'gold', age: 41, tags: ['a', 'b'] } }],
    })
  })

  it('has the time of its own column where the mapping names one', async () => {
    const text = 'id,mail,device,level,age,tags,upd\n7,,,gold,,,2026-01-02\n8,,,gold,,,soon\n'

    const rows = await rowsOf(text, 'csv', 'at: upd\n')

    expect(rows).toMatchObject([
      { drafts: [{ at: Date.UTC(2026, 0, 2) }] },
      { key: 'crm:8', fault: expect.stringContaining('"soon" in upd is no time') },
    ])
  })

  it('is refused whole where anything in it is wrong, and still tells whom it is about', async () => {
    const rows = await rowsOf(
      `${header}7,,no,,gold,old,\n,,,,gold,,\n8,,null,,gold,,\n9,1,2,3,4,5,6,7\n`,
    )

    expect(rows).toMatchObject([
      { line: 2, key: 'crm:7', fault: '"old" in age is not of type int' },
      { line: 3, fault: 'a column of its key is empty' },
      { line: 4, key: 'crm:8', fault: expect.stringContaining('placeholder') },
      { line: 5, fault: '8 cells, but 7 columns' },
    ])
    expect(rows[1]).not.toHaveProperty('key')
  })

  it('needs every column that the mapping names', async () => {
    await expect(rowsOf('id,level,tags\n7,gold,\n')).rejects.toThrow(
      'the file has no column "mail", "device", "age": its columns are id, level, tags',
    )
  })
})

describe('a value of a column', () => {
  const value = (type: 'int' | 'double' | 'bool' | 'time' | 'string' | 'list', cell: string) =>
    columnValue({ type, separator: ';' }, cell)

  it.each([
    ['int', ' 41 ', 41],
    ['int', '4.5', undefined],
    ['double', '-4.5e2', -450],
    ['double', '1e999', undefined],
    ['bool', 'Yes', true],
    ['bool', '0', false],
    ['bool', 'maybe', undefined],
    ['time', '2026-01-02', Date.UTC(2026, 0, 2)],
    ['time', 'monday', undefined],
    ['string', ' as it is ', ' as it is '],
    ['list', 'a;; b', ['a', 'b']],
  ] as const)('of type %s reads %j as %j', (type, cell, expected) => {
    expect(value(type, cell)).toEqual(expected)
  })

  it('is text, unchanged, where nothing else is said', () => {
    fc.assert(
      fc.property(fc.string(), (cell) => {
        expect(value('string', cell)).toBe(cell)
      }),
    )
  })
})

describe('a template', () => {
  it('puts columns where they stand, and gives nothing where one is empty', () => {
    const template = parseTemplate(`user:\${a}-\${b}`) ?? []

    expect(fill(template, (column) => ({ a: ' 1 ', b: '2' })[column] ?? '')).toBe('user:1-2')
    expect(fill(template, (column) => ({ a: '1' })[column] ?? '')).toBeUndefined()
  })
})
