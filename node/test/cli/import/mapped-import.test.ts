import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { type RunningNode, startNode } from '../../../src/node.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute } from '../support/command.ts'

const folder = scratchFolder()

let node: RunningNode
let env: { HALFSECOND_URL: string; HALFSECOND_ADMIN_URL: string }

beforeAll(async () => {
  const flags = { dataDir: join(folder, 'data'), port: '0', adminPort: '0', logLevel: 'silent' }
  node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
  env = { HALFSECOND_URL: node.url, HALFSECOND_ADMIN_URL: node.adminUrl }
})

afterAll(() => node.close())

/** Names of files and keys of a test are its own. */
let tests = 0
function scene() {
  const prefix = `t${++tests}`
  const source = `crm-${prefix}`
  const file = (name: string, text: string, hour: number) => {
    const path = join(folder, `${prefix}-${name}`)
    writeFileSync(path, text.replaceAll('#', prefix))
    const at = new Date(Date.UTC(2026, 0, 1, hour))
    utimesSync(path, at, at)
    return path
  }
  const mapping = (mode: string) =>
    file(
      `${mode}.yaml`,
      `source: ${source}
format: csv
key: crm:\${id}
links: [{ to: "email:\${mail}", strength: authenticated }]
traits: { tier: level, age: { column: age, type: int } }
mode: ${mode}
`,
      0,
    )
  return { prefix, source, file, mapping }
}

async function imported(path: string, mapping: string, ...args: string[]) {
  const command = ['import', path, '--mapping', mapping, '--json', ...args]
  const { code, output, notes } = await execute(command, { env })
  expect({ code, notes }).toEqual({ code: 0, notes: '' })
  return JSON.parse(output)
}

async function profile(identifier: string) {
  const { output } = await execute(['profile', 'get', identifier, '--json'], { env })
  return output === '' ? undefined : JSON.parse(output)
}

const header = 'id,name,mail,level,age\n'

describe('an import by a mapping', () => {
  it('brings traits and links with their source and the time of the file', async () => {
    const { prefix, source, file, mapping } = scene()
    const path = file('a.csv', `${header}#1,Ann,#1@x.com,gold,41\n#2,Bob,,silver,\n`, 1)

    const told = await imported(path, mapping('delta'))

    expect(told).toMatchObject({
      format: 'csv',
      source,
      lines: 2,
      sent: 3,
      unset: 0,
      unlinked: 0,
      visible: true,
    })
    const at = '2026-01-01T01:00:00.000Z'
    const { traits } = await profile(`crm:${prefix}1`)
    expect(traits).toMatchObject({
      tier: { value: 'gold', at, source },
      age: { value: 41, at, source },
    })
    expect(traits).not.toHaveProperty('name')
    const { links } = await profile(`email:${prefix}1@x.com`)
    expect(links).toMatchObject([
      {
        lower: `email:${prefix}1@x.com`,
        upper: `crm:${prefix}1`,
        strength: 'authenticated',
        at,
        source,
      },
    ])
  })

  it('changes nothing the second time, and is another import by another mapping', async () => {
    const { prefix, file, mapping } = scene()
    const path = file('a.csv', `${header}#1,Ann,#1@x.com,gold,41\n`, 1)
    const first = await imported(path, mapping('delta'))
    const before = await profile(`crm:${prefix}1`)

    const second = await imported(path, mapping('delta'))
    const other = await imported(path, mapping('full'))

    expect(await profile(`crm:${prefix}1`)).toMatchObject({
      traits: { tier: { value: 'gold' }, age: { value: 41 } },
    })
    expect(second.producer).toBe(first.producer)
    expect(other.producer).not.toBe(first.producer)
    expect(before.traits.tier.id).toMatch(/^[0-9a-f]{16}:2$/)
  })

  it('leaves in mode delta what a newer file does not say', async () => {
    const { prefix, file, mapping } = scene()
    await imported(file('a.csv', `${header}#1,A,,gold,41\n#2,B,,gold,\n`, 1), mapping('delta'))

    await imported(file('b.csv', `${header}#1,A,,silver,\n`, 2), mapping('delta'))

    expect((await profile(`crm:${prefix}1`)).traits).toMatchObject({
      tier: { value: 'silver' },
      age: { value: 41 },
    })
    expect((await profile(`crm:${prefix}2`)).traits.tier.value).toBe('gold')
  })

  it('unsets in mode full what its source said earlier and says no more, and nothing of others', async () => {
    const { prefix, file, mapping } = scene()
    const full = mapping('full')
    await imported(file('a.csv', `${header}#1,A,,gold,41\n#2,B,,gold,30\n`, 1), full)
    await said(`crm:${prefix}2`, 'web', { set: { city: 'Bath' } })

    const told = await imported(file('b.csv', `${header}#1,A,,silver,\n`, 2), full)

    expect(told).toMatchObject({ unset: 3, mode: 'full' })
    const [one, two] = [await profile(`crm:${prefix}1`), await profile(`crm:${prefix}2`)]
    expect(one.traits.tier.value).toBe('silver')
    expect(one.traits.age).not.toHaveProperty('value')
    expect(two.traits.tier).not.toHaveProperty('value')
    expect(two.traits.age).not.toHaveProperty('value')
    expect(two.traits.city).toMatchObject({ value: 'Bath', source: 'web' })
  })

  it('ends in mode full links that its source told earlier and tells no more, and none of others', async () => {
    const { prefix, file, mapping } = scene()
    const full = mapping('full')
    const [old, next] = [`email:${prefix}old@x.com`, `email:${prefix}new@x.com`]
    await imported(file('a.csv', `${header}#1,A,#old@x.com,gold,41\n#2,B,#b@x.com,g,1\n`, 1), full)
    await said(`email:${prefix}web@x.com`, 'web', {
      to: `crm:${prefix}1`,
      strength: 'authenticated',
    })

    const planned = await imported(
      file('b.csv', `${header}#1,A,#new@x.com,gold,41\n`, 2),
      full,
      '--dry-run',
    )
    const told = await imported(file('b.csv', `${header}#1,A,#new@x.com,gold,41\n`, 2), full)
    const again = await imported(file('c.csv', `${header}#1,A,#old@x.com,gold,41\n`, 3), full)

    expect(planned).toMatchObject({ unlinked: 2, unset: 2, merged: 1 })
    expect(told).toMatchObject({ unlinked: 2, unset: 2 })
    expect(again).toMatchObject({ unlinked: 1, unset: 0 })
    const { identifiers } = await profile(`crm:${prefix}1`)
    expect(identifiers).toContain(old)
    expect(identifiers).toContain(`email:${prefix}web@x.com`)
    expect(identifiers).not.toContain(next)
    expect((await profile(`crm:${prefix}2`)).identifiers).toEqual([`crm:${prefix}2`])
  })

  it('sets again what a later file says again, and a file from before changes nothing', async () => {
    const { prefix, file, mapping } = scene()
    const full = mapping('full')
    const [first, gone, again] = [
      file('a.csv', `${header}#1,A,,gold,41\n#2,B,,x,1\n`, 1),
      file('b.csv', `${header}#2,B,,x,1\n`, 2),
      file('c.csv', `${header}#1,A,,gold,42\n#2,B,,x,1\n`, 3),
    ]
    await imported(first, full)
    await imported(gone, full)
    await imported(again, full)

    const told = await imported(gone, full)

    expect(told.unset).toBe(0)
    expect((await profile(`crm:${prefix}1`)).traits).toMatchObject({
      tier: { value: 'gold' },
      age: { value: 42 },
    })
  })

  it('keeps what is known of whom a rejected row is about', async () => {
    const { prefix, file, mapping } = scene()
    const full = mapping('full')
    await imported(file('a.csv', `${header}#1,A,,gold,41\n#2,B,,gold,30\n`, 1), full)

    const told = await imported(file('b.csv', `${header}#1,A,,gold,old\n#2,B,,gold,31\n`, 2), full)

    expect(told).toMatchObject({ rejected: 1, unset: 0 })
    expect((await profile(`crm:${prefix}1`)).traits.age.value).toBe(41)
  })

  it('refuses to unset everything for a file without rows', async () => {
    const { prefix, file, mapping } = scene()
    const full = mapping('full')
    await imported(file('a.csv', `${header}#1,A,,gold,41\n`, 1), full)

    const empty = file('b.csv', header, 2)
    const { code, notes } = await execute(['import', empty, '--mapping', full], { env })

    expect(code).toBe(1)
    expect(notes).toContain('nothing was unset')
    expect((await profile(`crm:${prefix}1`)).traits.tier.value).toBe('gold')
  })

  it('says in a dry run what is new, changed, merged and rejected, and sends nothing', async () => {
    const { prefix, file, mapping } = scene()
    const full = mapping('full')
    await imported(
      file('a.csv', `${header}#1,A,#1@x.com,gold,41\n#2,B,,gold,30\n#5,E,#5@x.com,g,1\n`, 1),
      full,
    )
    const rows = ['#1,A,#1@x.com,gold,41', '#2,B,#2@x.com,gold,30', '#3,C,,gold,', '#4,D,,gold,old']
    const next = file('b.csv', `${header}${rows.join('\n')}\n`, 2)

    const told = await imported(next, full, '--dry-run')
    const printed = await execute(['import', next, '--mapping', full, '--dry-run'], { env })

    expect(told).toMatchObject({
      dryRun: true,
      lines: 4,
      new: 1,
      changed: 1,
      unchanged: 1,
      merged: 1,
      rejected: 1,
      unset: 2,
      unlinked: 1,
    })
    expect(printed.output).toContain(
      '4 lines, 1 new, 1 changed, 1 unchanged, 1 links to merge, 2 traits to unset, 1 links to end, 1 rejected',
    )
    expect(await profile(`crm:${prefix}3`)).toBeUndefined()
    expect((await profile(`crm:${prefix}5`)).traits.tier.value).toBe('g')
  })

  it('reads what is there from no other cluster than it writes to', async () => {
    const { file, mapping } = scene()
    const flags = { dataDir: join(folder, 'other'), port: '0', adminPort: '0', logLevel: 'silent' }
    const other = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
    const path = file('a.csv', `${header}#1,A,,gold,41\n`, 1)
    const args = ['import', path, '--mapping', mapping('full'), '--admin-url', other.adminUrl]

    const { code, notes } = await execute(args, { env })
    await other.close()

    expect(code).toBe(1)
    expect(notes).toContain('the admin port is that of another cluster')
  })

  it('sends links no faster than told', async () => {
    const { file, mapping } = scene()
    const rows = Array.from({ length: 60 }, (_, i) => `#${i},A,#${i}@x.com,gold,41`)
    const path = file('a.csv', `${header}${rows.join('\n')}\n`, 1)

    const { elapsedMs } = await imported(path, mapping('delta'), '--rate', '100')

    expect(elapsedMs).toBeGreaterThanOrEqual(580)
  })

  it('does not hold links back that its source told before', async () => {
    const { file, mapping } = scene()
    const rows = Array.from({ length: 60 }, (_, i) => `#${i},A,#${i}@x.com,gold`)
    const text = (age: number) => `${header}${rows.map((row) => `${row},${age}`).join('\n')}\n`
    const full = mapping('full')
    await imported(file('a.csv', text(41), 1), full)

    const { elapsedMs, sent } = await imported(file('b.csv', text(42), 2), full, '--rate', '2')

    expect(sent).toBe(120)
    expect(elapsedMs).toBeLessThan(30_000)
  })

  it('does not take the options of other files beside', async () => {
    const { file, mapping } = scene()
    const path = file('a.csv', header, 1)

    const { code, notes } = await execute(
      ['import', path, '--mapping', mapping('delta'), '--traits'],
      { env },
    )

    expect(code).toBe(2)
    expect(notes).toContain("option '--mapping <file>' cannot be used with option '--traits'")
  })
})

/** Another system says something, and the node has folded it. */
async function said(
  key: string,
  source: string,
  what: { readonly set: object } | { readonly to: string; readonly strength: string },
): Promise<void> {
  const id = `${source}-${key}`
  const kind = 'set' in what ? 'traits' : 'link'
  const input = `${JSON.stringify({ kind, key, id, at: Date.now(), source, ...what })}\n`
  const { code } = await execute(['import', '-', '--format', 'ndjson'], { env, input })
  expect(code).toBe(0)
}
