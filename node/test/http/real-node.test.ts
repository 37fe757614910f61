import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { type Answer, get, post, postAs } from './support/running-server.ts'

let dataDir: string
let node: RunningNode

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'halfsecond-http-'))
  const { config } = readConfig({}, { dataDir, port: '0', adminPort: '0', logLevel: 'silent' })
  node = await startNode(config, { output: { write: () => {} } })
})

afterAll(async () => {
  await node.close()
  await rm(dataDir, { recursive: true })
})

const playbook = `
playbook: doors
consent: { personalise: assumed }
events:
  complaint: { about: string }
placements:
  home: { channel: web, format: banner, fallback: { title: Welcome } }
offers:
  call-back:
    when: count("complaint", "30d") > 0
    treatments:
      banner: { title: We call you }
`

function member(value: unknown, ...path: (string | number)[]): unknown {
  let at = value
  for (const name of path)
    at = Array.isArray(at) ? at[Number(name)] : isFields(at) ? at[name] : undefined
  return at
}

function complaint(anon: string, id: string) {
  const properties = { about: 'a fee' }
  return { kind: 'event', name: 'complaint', id, identifiers: { anon }, properties }
}

/** Records a complaint, and waits until the node has folded it. */
async function complain(anon: string, records: readonly object[]): Promise<void> {
  const { body } = await post(`${node.url}/v1/events`, { records })
  const position = member(body, 'results', records.length - 1, 'position')
  await decideFresh({ identifiers: { anon }, placements: ['home'], position })
}

/** The answer once it takes the position into account: a busy node answers before it does, and says so. */
function decideFresh(asked: object): Promise<Answer> {
  return vi.waitFor(async () => {
    const decided = await post(`${node.url}/v1/decide`, asked)
    expect(member(decided.body, 'decisions', 'home', 'freshness')).toBe('fresh')
    return decided
  }, 20_000)
}

describe('the doors of an embedded node', () => {
  it('publish a playbook, and refuse a faulty one with line and column', async () => {
    const published = await postAs(`${node.adminUrl}/v1/playbook`, 'text/yaml', playbook)
    const faulty = await postAs(
      `${node.adminUrl}/v1/playbook`,
      'text/yaml',
      playbook.replace('"complaint"', '"complaimt"'),
    )

    expect(published).toMatchObject({ status: 200, body: { version: 1, name: 'doors' } })
    expect(faulty.status).toBe(422)
    expect(faulty.body).toMatchObject({
      code: 'INVALID',
      faults: [{ line: 10, column: expect.any(Number), message: expect.any(String) }],
    })
    expect((await get(`${node.adminUrl}/v1/playbook`)).body).toMatchObject({ version: 1 })
    expect((await get(`${node.adminUrl}/v1/playbook/defaults`)).body).toEqual({
      home: { title: 'Welcome' },
    })
  })

  it('lead from a click to content to an outcome', async () => {
    const asked = { identifiers: { anon: 'loop' }, placements: ['home'] }
    const before = await post(`${node.url}/v1/decide`, asked)
    const recorded = await post(`${node.url}/v1/events`, { records: [complaint('loop', 'c1')] })
    const position = member(recorded.body, 'results', 0, 'position')
    const after = await decideFresh({ ...asked, position })
    const token = member(after.body, 'decisions', 'home', 'token')
    const accepted = await post(`${node.url}/v1/outcomes`, { token, outcome: 'accept' })
    const retiring = member(accepted.body, 'results', 0, 'position')
    const retired = await decideFresh({ ...asked, position: retiring })

    const home = (body: unknown) => member(body, 'decisions', 'home')
    expect(home(before.body)).toMatchObject({ content: { title: 'Welcome' }, reason: 'fallback' })
    expect(home(after.body)).toMatchObject({
      content: { title: 'We call you' },
      offer: 'call-back',
      reason: 'rules',
      freshness: 'fresh',
      playbook: 1,
    })
    expect(accepted.status).toBe(200)
    expect(home(retired.body)).toMatchObject({ reason: 'fallback' })
  })

  it('apply a record once, however often it is sent', async () => {
    const records = [complaint('twice', 'c1'), complaint('twice', 'c1')]
    await complain('twice', records)
    await complain('twice', records)

    const profile = await get(`${node.adminUrl}/v1/profiles/anon:twice`)

    expect(member(profile.body, 'timeline')).toHaveLength(1)
  })

  it('clamp a time of the far future to that of the log', async () => {
    const at = Date.UTC(2099, 0)
    const before = Date.now()
    await complain('future', [{ ...complaint('future', 'c1'), at }])

    const profile = await get(`${node.adminUrl}/v1/profiles/anon:future`)

    const [entry] = [member(profile.body, 'timeline', 0)]
    expect(entry).toMatchObject({ sentAt: '2099-01-01T00:00:00.000Z' })
    expect(Date.parse(String(member(entry, 'at')))).toBeLessThan(before + 60_000)
  })

  it('export what one source has set, with channel and time, and nothing that others set', async () => {
    const key = 'crm:991'
    const of = (source: string, set: object, at: number) => ({
      key,
      at,
      source,
      channel: 'call',
      set,
    })
    const traits = [
      of('crm', { tier: 'gold', city: 'Bath' }, 1_000),
      of('loyalty', { points: 7, city: 'York' }, 2_000),
    ]
    const link = { kind: 'link', id: 'l', key: 'anon:of991', to: key, source: 'crm' }
    const records = [
      ...traits.map((one, i) => ({ kind: 'traits', id: `t${i}`, unset: [], ...one })),
      link,
      { ...link, id: 'm', key: 'anon:by-the-web', source: 'web' },
    ]

    const stored = await post(`${node.url}/v1/events`, { records })
    const position = member(stored.body, 'results', 1, 'position')
    const asked = { identifiers: [key], placements: ['home'], position }
    expect(member((await decideFresh(asked)).body, 'position')).toBe(position)
    const linked = member(stored.body, 'results', 2, 'position')
    await decideFresh({ identifiers: ['anon:of991'], placements: ['home'], position: linked })
    const { body } = await get(`${node.adminUrl}/v1/export?source=crm`)

    expect(
      String(body)
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
        .sort((a, b) => String(b.identifier).localeCompare(a.identifier)),
    ).toEqual([
      {
        identifier: key,
        links: [],
        traits: {
          tier: {
            value: 'gold',
            at: '1970-01-01T00:00:01.000Z',
            id: 't0',
            channel: 'call',
            source: 'crm',
          },
        },
      },
      {
        identifier: 'anon:of991',
        traits: {},
        links: [{ to: key, at: expect.any(String), state: 'valid' }],
      },
    ])
  })

  it('explain, export and count', async () => {
    await complain('why', [complaint('why', 'c1')])

    const why = await get(`${node.adminUrl}/v1/profiles/anon:why/why?placement=home`)
    const exported = await get(`${node.adminUrl}/v1/export`)
    const metrics = await get(`${node.adminUrl}/metrics`)
    const status = await get(`${node.adminUrl}/v1/status`)

    expect(member(why.body, 'explanations', 0)).toMatchObject({
      placement: 'home',
      sentence: expect.any(String),
      candidates: [{ offer: 'call-back', verdict: 'chosen' }],
    })
    const lines = String(exported.body).trimEnd().split('\n')
    expect(lines.filter((line) => line.includes('anon:why'))).toHaveLength(1)
    expect(String(metrics.body)).toMatch(/^halfsecond_records_total\{result="applied"\} [1-9]/m)
    expect(String(metrics.body)).toMatch(/^halfsecond_actors [1-9]/m)
    expect(status.body).toMatchObject({ health: { ready: true }, playbook: { name: 'doors' } })
  })

  it('refuse what cannot be recorded, and say so', async () => {
    const unknown = await post(`${node.url}/v1/decide`, {
      identifiers: { anon: 'x' },
      placements: ['attic'],
    })
    const tick = { kind: 'tick', id: 't', key: 'anon:x', epoch: 1, wall: 1 }
    const internal = await post(`${node.url}/v1/events`, { records: [tick] })

    expect(unknown).toMatchObject({ status: 404, body: { code: 'UNKNOWN_PLACEMENT' } })
    expect(internal).toMatchObject({ status: 422, body: { code: 'INVALID' } })
    expect((await get(`${node.adminUrl}/v1/profiles/anon:nobody`)).status).toBe(404)
  })

  it('tell with the map whether a playbook needs consent first', async () => {
    const path = `${node.adminUrl}/v1/playbook?force=true`
    const publish = (text: string) => postAs(path, 'text/yaml', text)
    const consent = async () => member((await get(`${node.url}/v1/map`)).body, 'consent')

    const before = await consent()
    await publish(playbook.replace('assumed', 'required'))
    const after = await consent()
    await publish(playbook)

    expect([before, after, await consent()]).toEqual(['assumed', 'required', 'assumed'])
  })
})
