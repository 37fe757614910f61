import { builtInNamespaces, parseIdentifier } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { type GoneUses, goneFacts } from '../../../src/cli/import/gone-facts.ts'
import type { Row } from '../../../src/cli/import/row.ts'
import { SeenFacts } from '../../../src/cli/import/seen-facts.ts'

const time = (ms: number) => new Date(ms).toISOString()

const traits = [
  { identifier: 'crm:1', traits: { tier: { value: 'gold', at: time(10), source: 'crm' } } },
  {
    identifier: 'crm:2',
    traits: { tier: { value: 'gold', at: time(10) }, age: { value: 4, at: time(20) } },
  },
  { identifier: 'crm:3', traits: { tier: { value: 'new', at: time(5_000) } } },
]

const links = [
  { identifier: 'email:a@x.com', links: [{ to: 'crm:1', at: time(10), state: 'valid' }] },
  { identifier: 'email:b@x.com', links: [{ to: 'crm:2', at: time(20), state: 'refused' }] },
  { identifier: 'email:c@x.com', links: [{ to: 'crm:3', at: time(5_000), state: 'valid' }] },
]

async function gone(told: readonly object[], rows: readonly Row[], modifiedAt = 1_000) {
  const seen = new SeenFacts()
  for (const row of rows) seen.add(row)
  const uses: GoneUses = {
    source: 'crm',
    channel: undefined,
    seen,
    modifiedAt,
    namespaces: builtInNamespaces,
  }
  async function* each() {
    for (const one of told) yield { ...one }
  }
  const found = []
  for await (const draft of goneFacts(each(), uses))
    found.push([draft.key, draft.at, draft.kind === 'unlink' ? draft.to : draft.unset])
  return found
}

/** A row with these traits, and links from these addresses. */
function row(key: string, has: readonly string[] = [], mails: readonly string[] = []): Row {
  const common = { at: 0, source: 'crm', strength: 'authenticated' } as const
  return {
    line: 1,
    text: '',
    key: parseIdentifier(key),
    traits: has,
    drafts: mails.map((mail) => ({
      kind: 'link' as const,
      key: parseIdentifier(mail),
      to: parseIdentifier(key),
      ...common,
    })),
  }
}

const rejected = (key: string): Row => ({
  line: 1,
  text: '',
  fault: 'broken',
  key: parseIdentifier(key),
})

const unreadable: Row = { line: 1, text: '', fault: 'no key' }

describe('a trait that a source does not say any more', () => {
  it('is unset just after it was said: of keys that the file lacks, and where a row lacks it', async () => {
    expect(await gone(traits, [row('crm:2', ['age'])])).toEqual([
      ['crm:1', 11, ['tier']],
      ['crm:2', 11, ['tier']],
    ])
    expect(await gone(traits, [row('crm:1', ['tier'])])).toEqual([['crm:2', 21, ['tier', 'age']]])
  })

  it('stays where it was said after the file was written', async () => {
    expect(await gone(traits, [row('crm:9')], 15)).toEqual([
      ['crm:1', 11, ['tier']],
      ['crm:2', 11, ['tier']],
    ])
  })

  it('stays where a row was rejected: of its key, or of all that might be the one it was about', async () => {
    const two = row('crm:2', ['age'])

    expect(await gone(traits, [rejected('crm:1'), two])).toEqual([['crm:2', 11, ['tier']]])
    expect(await gone(traits, [unreadable, two])).toEqual([['crm:2', 11, ['tier']]])
  })
})

describe('a link that a source does not say any more', () => {
  it('ends just after it was said: of keys that the file lacks, and where a row has another', async () => {
    const rows = [row('crm:1', [], ['email:new@x.com'])]

    expect(await gone(links, rows)).toEqual([
      ['email:a@x.com', 11, 'crm:1'],
      ['email:b@x.com', 21, 'crm:2'],
    ])
    expect(await gone(links, [row('crm:1', [], ['email:a@x.com'])])).toEqual([
      ['email:b@x.com', 21, 'crm:2'],
    ])
  })

  it('stays where it was said after the file was written', async () => {
    expect(await gone(links, [row('crm:9')], 15)).toEqual([['email:a@x.com', 11, 'crm:1']])
  })

  it('stays where a row was rejected: of its key, or of all that might be the one it was about', async () => {
    expect(await gone(links, [rejected('crm:1'), row('crm:9')])).toEqual([
      ['email:b@x.com', 21, 'crm:2'],
    ])
    expect(await gone(links, [unreadable, row('crm:2')])).toEqual([['email:b@x.com', 21, 'crm:2']])
  })
})
