import { builtInNamespaces, decode, isFields } from '@halfsecond/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readColumnMapping } from '../../../src/cli/import/column-mapping.ts'
import { Importer, identityOf, NoDestination } from '../../../src/cli/import/importer.ts'
import { Progress } from '../../../src/cli/import/progress.ts'
import { RejectedFile } from '../../../src/cli/import/rejected-file.ts'
import type { Numbered } from '../../../src/cli/import/shard-queue.ts'

const columns = readColumnMapping(
  'm.yaml',
  `source: crm
format: csv
key: crm:\${id}
links: [{ to: "email:\${mail}" }, { to: "phone:\${phone}" }]
traits: { tier: level }
`,
)

async function recordsOf(text: string): Promise<Numbered[]> {
  const content = {
    hash: () => 'f'.repeat(64),
    head: Buffer.alloc(0),
    bytes: text.length,
    modifiedAt: 1_000,
    async *read() {
      yield Buffer.from(text)
    },
    close: () => Promise.resolve(),
  }
  const records: Numbered[] = []
  const destination = new NoDestination(builtInNamespaces)
  destination.add = (_key?: string, record?: Numbered) => {
    if (record) records.push(record)
  }
  const mapping = { format: 'mapped', columns, modifiedAt: 1_000 } as const
  await new Importer({
    content,
    mapping,
    identity: identityOf(content, mapping),
    destination,
    progress: new Progress({ isTerminal: false, write: () => {} }, text.length),
    rejected: new RejectedFile('never-written'),
    signal: new AbortController().signal,
  }).run()
  return records
}

const cell = fc.constantFrom('', '1', '2', '3')
const row = fc.tuple(fc.constantFrom('a', 'b', 'c'), cell, cell, cell)

describe('the records of a file', () => {
  it('have numbers that grow, and ids of their own, so that all of it may be sent again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 60 }), async (rows) => {
        const text = `id,mail,phone,level\n${rows.map((one) => one.join(',')).join('\n')}\n`

        const records = await recordsOf(text)

        const numbers = records.map(({ n }) => n)
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
        const decoded = records.map(({ bytes }) => decode(bytes)).filter(isFields)
        expect(new Set(decoded.map(({ id }) => id)).size).toBe(records.length)
        expect(decoded.map(({ n }) => n)).toEqual(numbers)
        const again = await recordsOf(text)
        expect(again.map(({ bytes }) => decode(bytes))).toEqual(decoded)
        const said = rows.flatMap(([, ...cells]) => cells.filter((one) => one !== ''))
        expect(records).toHaveLength(said.length)
      }),
      { numRuns: 50 },
    )
  })
})
