import { HalfsecondError, parseIdentifier } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { PlaybookError } from '../../src/playbook/faults.ts'
import { FakeNode } from './support/fake-node.ts'
import { FakePublishing } from './support/fake-publishing.ts'
import { get, postAs, startServer } from './support/running-server.ts'

const known = {
  identifiers: ['anon:known'],
  traits: {},
  links: [],
  consents: {},
  timeline: [],
  sessions: [],
}

describe('profiles on the admin port', () => {
  it('gives what is known of an identifier', async () => {
    const { adminUrl } = await startServer(new FakeNode())

    const { status, body } = await get(`${adminUrl}/v1/profiles/anon%3Aknown`)

    expect(status).toBe(200)
    expect(body).toEqual({ root: 'anon:known', entries: 0, ...known })
  })

  it('gives what an identifier itself brought', async () => {
    const { adminUrl } = await startServer(new FakeNode())

    const { status, body } = await get(`${adminUrl}/v1/profiles/anon%3Aknown?alone`)

    expect(status).toBe(200)
    expect(body).toEqual(known)
  })

  it('takes an identifier of any text, encoded', async () => {
    const { adminUrl } = await startServer(new FakeNode())

    for (const value of ['a/b', 'ü?#&', '🙂'.repeat(64), '%', '. > *'.repeat(36)]) {
      const { status, body } = await get(
        `${adminUrl}/v1/profiles/${encodeURIComponent(`anon:${value}`)}`,
      )

      expect({ value, status }).toEqual({ value, status: 404 })
      expect(body).toMatchObject({ detail: expect.stringMatching(/^nothing is known of anon:/) })
    }
  })

  it('are not on the public port', async () => {
    const { url } = await startServer(new FakeNode())

    const paths = [
      '/v1/profiles/anon:known',
      '/v1/export',
      '/v1/playbook',
      '/metrics',
      '/v1/status',
    ]
    for (const path of paths) expect((await get(url + path)).status).toBe(404)
  })

  it('explain what would be shown at the placements asked for, or at all', async () => {
    const { adminUrl } = await startServer(new FakeNode())
    const why = `${adminUrl}/v1/profiles/anon:x/why`

    const one = await get(`${why}?placement=cart`)
    const two = await get(`${why}?placement=cart&placement=home`)
    const all = await get(why)

    expect(one.body).toMatchObject({ explanations: [{ placement: 'cart' }] })
    expect(two.body).toMatchObject({ explanations: [{ placement: 'cart' }, { placement: 'home' }] })
    expect(all.body).toMatchObject({ explanations: [{ placement: 'home' }, { placement: 'cart' }] })
    expect((await get(`${why}?placement=attic`)).status).toBe(404)
  })

  it('say what a token says, expired or not, and why it was decided', async () => {
    const node = new FakeNode()
    const { adminUrl } = await startServer(node)
    const token = node.token(parseIdentifier('user:ann'), 1_700_000_060_000)
    const said = {
      decision: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
      key: 'user:ann',
      placement: 'home',
      offer: 'card',
      treatment: 'web',
      playbook: 3,
      decidedAt: '2023-11-14T22:13:20.000Z',
      expiresAt: '2023-11-14T22:14:20.000Z',
      expired: true,
    }

    const gone = await get(`${adminUrl}/v1/why?token=${token}`)
    const rest = { node: 'n1', oneOf: 1, isSame: true, isAsTold: true, explanations: [] }
    node.why = { kind: 'explained', at: 1_700_000_000_000, ...rest }
    const { status, body } = await get(`${adminUrl}/v1/why?token=${token}`)

    expect(gone).toMatchObject({ status: 200, body: { token: said, missing: 'It is gone.' } })
    expect(status).toBe(200)
    expect(body).toEqual({ token: said, decided: { at: '2023-11-14T22:13:20.000Z', ...rest } })
    expect((await get(`${adminUrl}/v1/why?token=x`)).status).toBe(400)
    expect((await get(`${adminUrl}/v1/why`)).status).toBe(422)
  })

  it('say whether what was decided comes out again', async () => {
    const { adminUrl } = await startServer(new FakeNode())
    const path = `${adminUrl}/v1/decisions/verify`

    const { status, body } = await get(`${path}?from=2026-11-27T14:03:00Z`)

    expect(status).toBe(200)
    expect(body).toEqual({ decisions: 3, same: 2, unknown: 0, different: ['d1'] })
    expect((await get(`${path}?from=yesterday`)).status).toBe(422)
  })

  it('export as one line each', async () => {
    const node = new FakeNode()
    const identifiers = Array.from({ length: 3_000 }, (_, i) => parseIdentifier(`anon:v${i}`))
    node.profilesToExport = identifiers.map((one) => ({ ...known, identifiers: [one] }))
    const { adminUrl } = await startServer(node)

    const { type, body } = await get(`${adminUrl}/v1/export`)

    const lines = String(body).trimEnd().split('\n')
    expect(type).toBe('application/x-ndjson')
    expect(lines).toHaveLength(3_000)
    expect(JSON.parse(lines[2_999] ?? '')).toMatchObject({ identifiers: ['anon:v2999'] })
  })

  it('break the connection where an export cannot go on', async () => {
    const node = new FakeNode()
    node.profilesToExport = Array.from({ length: 3_000 }, () => ({
      ...known,
      identifiers: [parseIdentifier('anon:x')],
    }))
    node.failure = new Error('disk gone')
    const { adminUrl } = await startServer(node)

    await expect(get(`${adminUrl}/v1/export`)).rejects.toThrow('terminated')
  })
})

describe('the playbook on the admin port', () => {
  it('is published as YAML or JSON text, and read back', async () => {
    const { adminUrl } = await startServer(new FakeNode())

    const yaml = await postAs(`${adminUrl}/v1/playbook`, 'application/yaml', 'playbook: shop\n')
    const json = await postAs(`${adminUrl}/v1/playbook`, 'application/json', '{"playbook":"shop"}')
    const read = await get(`${adminUrl}/v1/playbook`)

    expect(yaml.body).toMatchObject({ version: 1, hash: 'h1', name: 'shop' })
    expect(json.body).toMatchObject({ version: 2, hash: 'h1', name: 'shop' })
    expect(read.body).toMatchObject({ version: 2, text: '{"playbook":"shop"}' })
    expect((await get(`${adminUrl}/v1/playbook/defaults`)).body).toEqual({
      home: { title: 'Welcome' },
    })
  })

  it('is published by somebody, for a reason, as they want it', async () => {
    const node = new FakeNode()
    const publishing = new FakePublishing(node)
    const { adminUrl } = await startServer(Object.assign(node, { publishing }))
    const path = `${adminUrl}/v1/playbook`
    const text = 'playbook: shop\n'

    await postAs(`${path}?by=ann&note=spring`, 'text/yaml', text)
    const dry = await postAs(`${path}?dryRun=true&trial=false`, 'text/yaml', text)
    await postAs(`${path}/rollback?version=1&by=bob&force=true`, 'application/json', '{}')

    expect(dry.body).toMatchObject({ isDry: true, version: 0 })
    expect(node.playbooks).toEqual([text, text])
    expect(publishing.asked).toMatchObject([
      { by: 'ann', note: 'spring' },
      { by: '', isDry: true, isTried: false },
      { by: 'bob', isForced: true },
      { by: 'bob', rollsBack: 1 },
    ])
  })

  it('has versions, each with its text', async () => {
    const { adminUrl } = await startServer(new FakeNode())
    const path = `${adminUrl}/v1/playbook`
    expect((await get(`${path}/versions`)).body).toEqual({ versions: [] })
    await postAs(path, 'text/yaml', 'playbook: shop\n')

    const version = {
      version: 1,
      hash: 'h1',
      name: 'shop',
      at: '2026-11-18T11:00:00.000Z',
      by: 'ann',
      note: 'spring',
      isForced: false,
      changes: { added: 1, removed: 0, changed: 0, lines: ['+ offer a: added'] },
      trial: {
        timelines: 10,
        partial: 0,
        placements: { home: { asked: 10, before: 1, after: 2 } },
      },
    }
    expect((await get(`${path}/versions`)).body).toEqual({ versions: [version] })
    expect((await get(`${path}/versions/1`)).body).toEqual({ ...version, text: 'playbook: shop\n' })
    for (const none of ['2', '0', '-1', 'x'])
      expect((await get(`${path}/versions/${none}`)).status).toBe(422)
    for (const query of ['', '?version=x', '?version=0', `?version=1&by=${'x'.repeat(200)}`])
      expect((await postAs(`${path}/rollback${query}`, 'application/json', '{}')).status).toBe(422)
  })

  it('is refused with every fault and its place', async () => {
    const node = new FakeNode()
    const { adminUrl } = await startServer(node)
    const faults = [
      { line: 3, column: 5, path: 'offers.card.when', message: 'no fact "agee"' },
      { line: 9, column: 1, path: 'zone', message: 'not a time zone' },
    ]
    node.failure = new PlaybookError(faults)

    const { status, type, body } = await postAs(`${adminUrl}/v1/playbook`, 'text/plain', 'x')

    expect(status).toBe(422)
    expect(type).toContain('application/problem+json')
    expect(body).toMatchObject({ code: 'INVALID', retryable: false, faults })
  })

  it('says 404 before the first, and 503 with Retry-After where nodes cannot agree now', async () => {
    const node = new FakeNode()
    const { adminUrl } = await startServer(node)

    expect((await get(`${adminUrl}/v1/playbook`)).status).toBe(404)
    node.failure = new HalfsecondError('UNAVAILABLE', 'NATS is away')
    const { status, headers, body } = await postAs(`${adminUrl}/v1/playbook`, 'text/plain', 'x')
    expect(status).toBe(503)
    expect(headers.get('retry-after')).toBe('1')
    expect(body).toMatchObject({ code: 'UNAVAILABLE', retryable: true, detail: 'NATS is away' })
  })
})

describe('the admin port', () => {
  it('refuses what a page of another site sends', async () => {
    const node = new FakeNode()
    const { adminUrl } = await startServer(node)

    for (const site of ['cross-site', 'same-site']) {
      const response = await fetch(`${adminUrl}/v1/playbook`, {
        method: 'POST',
        headers: { 'sec-fetch-site': site, 'content-type': 'text/plain' },
        body: 'playbook: evil',
      })

      expect(response.status).toBe(403)
    }
    expect(node.playbooks).toEqual([])
  })

  it('tells metrics and status', async () => {
    const { adminUrl } = await startServer(new FakeNode())

    const metrics = await get(`${adminUrl}/metrics`)
    const status = await get(`${adminUrl}/v1/status`)

    expect(metrics.type).toBe('text/plain; version=0.0.4')
    expect(metrics.body).toBe('halfsecond_actors 1\n')
    expect(status.body).toMatchObject({ node: 'n1', health: { ready: true }, map: { shards: 4 } })
  })
})
