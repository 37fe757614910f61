import { existsSync, readFileSync } from 'node:fs'
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
  complaint: { about: string }
placements:
  home: { channel: web, format: banner, fallback: { title: Welcome } }
  desk: { channel: call, format: script, fallback: { say: Hello } }
offers:
  call-back:
    when: count("complaint", "30d") > 0
    treatments:
      banner: { title: We call you }
`

let node: RunningNode
let env: { HALFSECOND_ADMIN_URL: string }
let token = ''
/** Signed, and of a decision that is not in the log. */
let unlogged = ''

beforeAll(async () => {
  const flags = { dataDir: join(folder, 'data'), port: '0', adminPort: '0', logLevel: 'silent' }
  node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
  env = { HALFSECOND_ADMIN_URL: node.adminUrl }
  const client = connect(node.url, { channel: 'web' })
  const { code } = await execute(['playbook', 'publish', '-'], { env, input: playbook })
  expect(code).toBe(0)
  const visitor = client.visitor({ crm: '991' })
  await visitor.track('complaint', { about: 'a fee' })
  const decision = await visitor.decide('home', { deadlineMs: 2_000 })
  token = decision.token ?? ''
  unlogged = node.api.tokenKeys.sign({
    ...node.api.tokenKeys.verify(token, 0),
    decidedAt: 1_700_000_000_000,
    expiresAt: 1_700_000_060_000,
  })
  await client.close()
})

afterAll(() => node.close())

describe('playbook publish', () => {
  it('says which version decides from now on', async () => {
    const saved = playbook.replace('Welcome', 'Good day')

    const { output } = await execute(['playbook', 'publish', '-', '--json'], { env, input: saved })

    expect(JSON.parse(output)).toMatchObject({ version: 2, name: 'shop' })
    expect(node.api.playbook()?.version).toBe(2)
  })
})

describe('why', () => {
  it('says a sentence for each placement, then each candidate with one reason', async () => {
    const { code, output } = await execute(['why', 'crm:991'], { env })

    expect(code).toBe(0)
    expect(output).toMatch(
      /^home: \S.*\.\n {2}\+ call-back \(banner\) {2}\S.*\n {2}playbook version 2, /,
    )
    expect(output).toMatch(/\n\ndesk: /)
  })

  it('looks at the placements that are named', async () => {
    const { output } = await execute(['why', 'crm:991', '--at', 'desk', '--json'], { env })

    expect(JSON.parse(output).explanations).toMatchObject([{ placement: 'desk' }])
  })

  it('of a token says why it was decided, and first a sentence to be read aloud', async () => {
    const { code, output, notes } = await execute(['why', token], { env })

    const [sentence, chosen, ...rest] = output.split('\n')
    expect({ code, notes }).toEqual({ code: 0, notes: '' })
    expect(sentence).toMatch(
      /^On \d+ \w+ 20\d\d at \d\d:\d\d, at home, you saw call back, because at that time complaint counted 1 times in /,
    )
    expect(chosen).toMatch(/^ {2}\+ call-back \(banner\) {2}when: count/)
    expect(rest.join('\n')).toMatch(
      /^ {2}playbook version 1, \w+\n {2}decided again from the decision log, it shows what was shown then\n {2}decided 20\S+Z for crm:991 by node \S+\n {2}decision \S+; the token is good until 20\S+Z\n$/,
    )
  })

  it('of a token says what would be shown now, too, where a placement is named', async () => {
    const { output } = await execute(['why', token, '--at', 'desk'], { env })

    expect(output).toMatch(/^On .*\n(.|\n)*\n\nNow:\n\ndesk: At desk you see /)
  })

  it('of a token that is not in the decision log says what it says, and what is missing', async () => {
    const { code, output } = await execute(['why', unlogged], { env })

    expect(code).toBe(0)
    expect(output).toMatch(
      /^crm:991 was given call-back \(banner\) at home\. Decisions are kept for 30 days, and this one is older\.\n/,
    )
  })

  it.each([
    [['crm:991', '--at', 'attic'], /^UNKNOWN_PLACEMENT: /],
    [['nobody:1'], /^UNKNOWN_NAMESPACE: /],
    [['nonsense'], /^MALFORMED: not a token: .*an identifier has a colon, like crm:991$/m],
  ])('%j ends with 1 and the code of the node', async (args, message) => {
    const { code, notes } = await execute(['why', ...args], { env })

    expect(code).toBe(1)
    expect(notes).toMatch(message)
  })
})

describe('profile get', () => {
  it('shows everything known of an identifier', async () => {
    const { output } = await execute(['profile', 'get', 'crm:991'], { env })

    expect(output).toMatch(
      /^crm:991\n {2}1 entries in 1 sessions\n {2}20\S+Z complaint \{"about":"a fee"\}\n$/,
    )
  })

  it('ends with 1 where nothing is known', async () => {
    const { code, notes } = await execute(['profile', 'get', 'crm:992'], { env })

    expect(code).toBe(1)
    expect(notes).toMatch(/nothing is known/)
  })
})

describe('export', () => {
  it('prints a profile a line', async () => {
    const { code, output } = await execute(['export'], { env })

    expect(code).toBe(0)
    expect(
      output
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { identifiers: ['crm:991'], timeline: [{ kind: 'complaint' }], sessions: [{ events: 1 }] },
    ])
  })

  it('writes a file that appears once it is complete', async () => {
    const out = join(folder, 'export.ndjson')

    const { output, notes } = await execute(['export', '--out', out], { env })

    expect({ output, notes }).toEqual({ output: '', notes: '1 profiles\n' })
    expect(readFileSync(out, 'utf8')).toContain('crm:991')
    expect(existsSync(`${out}.partial`)).toBe(false)
  })
})

describe('status', () => {
  it('says how the node is', async () => {
    const { code, output } = await execute(['status'], { env })

    expect(code).toBe(0)
    expect(output).toMatch(/: ready, up \d+ s\n {2}shards +16: 16 following the log, 16 fresh\n/)
  })
})
