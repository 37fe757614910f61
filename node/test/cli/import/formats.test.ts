import { builtInNamespaces } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import {
  csvDefaults,
  detectFormat,
  type Mapping,
  mappingText,
} from '../../../src/cli/import/mapping.ts'
import { readRows } from '../../../src/cli/import/reader.ts'
import { parseTime } from '../../../src/cli/import/time.ts'

async function* bytesOf(text: string): AsyncIterable<Buffer> {
  const bytes = Buffer.from(text)
  // Small chunks, so that borders fall anywhere.
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7)
}

async function rowsOf(text: string, mapping: Mapping) {
  const rows = []
  for await (const some of readRows(bytesOf(text), mapping, builtInNamespaces)) rows.push(...some)
  return rows.map((row) =>
    'draft' in row ? [row.line, row.draft] : [row.line, 'fault' in row && row.fault],
  )
}

const at = Date.parse('2026-05-17T10:05:03.250Z')

describe('an NDJSON file', () => {
  const mapping = { format: 'ndjson' } as const

  it('has a record a line, an event where nothing says otherwise', async () => {
    const rows = await rowsOf(
      [
        '{"key":"EMAIL-less","name":"x","at":1}',
        `{"key":"email: Jo@X.org ","name":"page","at":"2026-05-17T10:05:03.250Z","properties":{"path":"/"}}`,
        '',
        `{"key":"crm:991","set":{"tier":"gold"},"at":${at},"source":"crm","id":"t1"}`,
        `{"kind":"link","key":"crm:991","to":"anon:a","strength":"asserted","at":${at}}`,
        `{"kind":"consent","key":"crm:991","purpose":"personalise","granted":true,"at":${at}}`,
      ].join('\n'),
      mapping,
    )

    expect(rows).toEqual([
      [1, expect.stringContaining('namespace:value')],
      [2, { kind: 'event', key: 'email:jo@x.org', name: 'page', at, properties: { path: '/' } }],
      [
        4,
        {
          kind: 'traits',
          key: 'crm:991',
          set: { tier: 'gold' },
          unset: [],
          at,
          source: 'crm',
          id: 't1',
        },
      ],
      [5, { kind: 'link', key: 'anon:a', to: 'crm:991', strength: 'asserted', at }],
      [6, { kind: 'consent', key: 'crm:991', purpose: 'personalise', granted: true, at }],
    ])
  })

  it.each([
    ['[]', /not a JSON object/],
    ['{"key":"crm:1"', /not a JSON object/],
    ['{"name":"page","at":1}', /key is missing/],
    ['{"key":"crm:1","name":"page"}', /at is a time/],
    ['{"key":"crm:1","name":"page","at":"yesterday"}', /at is a time/],
    ['{"key":"crm:1","name":"click","at":1}', /reserved/],
    ['{"key":"crm:1","kind":"primary","at":1}', /no such kind/],
    ['{"key":"crm:1","name":"page","at":1,"properties":{"__proto__":1}}', /not allowed/],
  ])('refuses %s', async (line, why) => {
    expect(await rowsOf(line, mapping)).toEqual([[1, expect.stringMatching(why)]])
  })
})

describe('a CSV file', () => {
  const csv = (more: Partial<typeof csvDefaults> = {}): Mapping => ({
    format: 'csv',
    ...csvDefaults,
    ...more,
  })

  it('has events: key, name and at, the other columns are typed properties', async () => {
    const rows = await rowsOf(
      'key,name,at,path,price,vip,zip\r\ncrm:1,page,2026-05-17 10:05:03.250,"/a, ""b""\n/c",7.50,true,01234\r\ncrm:2,page,x,,,,\r\ncrm:3,page,1,,,,,\r\n',
      csv(),
    )

    expect(rows).toEqual([
      [
        3,
        {
          kind: 'event',
          key: 'crm:1',
          name: 'page',
          at,
          properties: { path: '/a, "b"\n/c', price: 7.5, vip: true, zip: '01234' },
        },
      ],
      [4, expect.stringMatching(/"x" in at is no time/)],
      [5, '8 cells, but 7 columns'],
    ])
  })

  it('has traits where told so, by columns of other names', async () => {
    const rows = await rowsOf(
      'id;changed;tier;phone\n991;1779012303250;gold;4420\n',
      csv({
        key: 'id',
        at: 'changed',
        namespace: 'crm',
        traits: true,
        text: ['phone'],
        delimiter: ';',
      }),
    )

    expect(rows).toEqual([
      [
        2,
        {
          kind: 'traits',
          key: 'crm:991',
          at: 1779012303250,
          set: { tier: 'gold', phone: '4420' },
          unset: [],
        },
      ],
    ])
  })

  it('without a column of the mapping is refused, with the columns that it has', async () => {
    await expect(rowsOf('id,at\n1,1\n', csv())).rejects.toThrow(/no column "key".*id, at/)
  })
})

describe('the format of a file', () => {
  it.each([
    ['{"key":"crm:1"}\n', 'ndjson'],
    ['garbage\n1.2.3.4 - - [17/May/2015:10:05:03 +0000] "-" 400 0\n', 'access-log'],
    ['1.2.3.4 - - [17/May/2015:10:05:03 +0000] "-" 400 0', 'access-log'],
    ['key,name,at\ncrm:1,page,1\n', 'csv'],
  ])('is told by its beginning: %j', (head, format) => {
    expect(detectFormat(Buffer.from(head))).toBe(format)
  })

  it('is asked for where nothing tells it', () => {
    expect(() => detectFormat(Buffer.from('hello\n'))).toThrow(/--format/)
  })
})

describe('a mapping', () => {
  it('reads the same where it means the same', () => {
    const one = mappingText({ format: 'csv', ...csvDefaults, text: ['a', 'b'] })
    const same = mappingText({ format: 'csv', ...csvDefaults, text: ['b', 'a'] })
    const other = mappingText({ format: 'csv', ...csvDefaults, traits: true })

    expect(one).toBe(same)
    expect(one).not.toBe(other)
  })
})

describe('a time in a feed', () => {
  it.each([
    [0, 0],
    ['1779012303250', 1779012303250],
    ['2019-11-24', Date.parse('2019-11-24T00:00:00Z')],
    ['2019-11-24 00:00:05.123456+00:00', Date.parse('2019-11-24T00:00:05.123Z')],
    ['2019-11-24T10:00', Date.parse('2019-11-24T10:00:00Z')],
    ['2019-11-24T10:00:00+0530', Date.parse('2019-11-24T04:30:00Z')],
    ['2019-11-24T10:00:00-08', Date.parse('2019-11-24T18:00:00Z')],
    ['2019-13-24', undefined],
    ['24.11.2019', undefined],
    ['', undefined],
    [-1, undefined],
    [1.5, undefined],
  ])('%j is %j', (value, expected) => {
    expect(parseTime(value)).toBe(expected)
  })
})
