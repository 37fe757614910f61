import { fragmentIdOf, isFields, parseIdentifier } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { emptyHead, type HeadView } from '../../src/core/person/head-view.ts'
import type { LinkView } from '../../src/core/profile-view.ts'
import { FakeNode } from './support/fake-node.ts'
import { get, post, startServer } from './support/running-server.ts'

const anon = parseIdentifier('anon:4hG8')
const phone = parseIdentifier('anon:phone')
const user = parseIdentifier('user:17')
const hour = '2015-05-15T10'

function linked(to: string, id: string, more: Partial<LinkView> = {}): LinkView {
  const at = `${hour}:00:00.000Z`
  return { to, strength: 'asserted', at, id, state: 'valid', since: at, under: 2, ...more }
}

/** `anon:4hG8` and `anon:phone` are `user:17`; `anon:phone` would have been `user:18` as well. */
function family(): FakeNode {
  const refused = { state: 'refused', reason: 'a profile has at most 1 user' } as const
  const node = new FakeNode()
  const heads: readonly (Partial<HeadView> & { readonly id: HeadView['id'] })[] = [
    { id: anon, tied: [user], links: [linked(user, 'l1', { channel: 'web' })] },
    { id: phone, tied: [user], links: [linked(user, 'l2'), linked('user:18', 'l3', refused)] },
    {
      id: user,
      tied: [anon, phone],
      traits: { tier: { value: 'gold', at: `${hour}:00:00.000Z`, id: 't1', source: 'crm' } },
    },
  ]
  for (const head of heads) node.heads.set(head.id, { ...emptyHead(head.id), ...head })
  node.timelines.set(anon, [{ at: `${hour}:01:00.000Z`, kind: 'page', id: 'e1', channel: 'web' }])
  node.timelines.set(phone, [{ at: `${hour}:00:30.000Z`, kind: 'page', id: 'e2', channel: 'app' }])
  return node
}

async function adminOf(node = family()): Promise<string> {
  return (await startServer(node)).adminUrl
}

describe('a person on the admin port', () => {
  it.each([anon, phone, user])('is whole, asked for by %s', async (identifier) => {
    const { body } = await get(`${await adminOf()}/v1/profiles/${identifier}`)

    expect(body).toMatchObject({
      root: 'user:17',
      identifiers: ['user:17', 'anon:phone', 'anon:4hG8'],
      traits: { tier: { value: 'gold', source: 'crm', by: 'user:17' } },
      timeline: [
        { id: 'e2', channel: 'app', by: 'anon:phone' },
        { id: 'e1', channel: 'web', by: 'anon:4hG8' },
      ],
      sessions: [{ start: `${hour}:00:30.000Z`, end: `${hour}:01:00.000Z`, events: 2 }],
    })
  })

  it('gives the newest of the timeline', async () => {
    const { body } = await get(`${await adminOf()}/v1/profiles/user:17/timeline?newest=1`)

    expect(body).toEqual({ timeline: [expect.objectContaining({ id: 'e1', by: 'anon:4hG8' })] })
  })

  it('gives links, refused ones as well', async () => {
    const { body } = await get(`${await adminOf()}/v1/profiles/user:17/links`)

    expect(body).toMatchObject({
      identifiers: ['user:17', 'anon:phone', 'anon:4hG8'],
      links: [
        { lower: 'anon:phone', upper: 'user:17', state: 'valid', under: 2 },
        { lower: 'anon:phone', upper: 'user:18', state: 'refused', reason: /at most 1 user/ },
        { lower: 'anon:4hG8', upper: 'user:17', state: 'valid' },
      ].map((link) =>
        link.reason ? { ...link, reason: expect.stringMatching(link.reason) } : link,
      ),
    })
  })

  it('gives how it came together', async () => {
    const { body } = await get(`${await adminOf()}/v1/profiles/anon:4hG8/audit`)

    expect(body).toMatchObject({
      audit: [
        { what: 'link', of: 'anon:4hG8', other: 'user:17', id: 'l1', channel: 'web' },
        { what: 'link', id: 'l2' },
        { what: 'link', id: 'l3' },
        { what: 'refuse', of: 'anon:phone', other: 'user:18' },
      ],
    })
  })

  it('gives what joins nobody: of a person, and of all', async () => {
    const url = await adminOf()
    const refused = { lower: 'anon:phone', upper: 'user:18', state: 'refused' }

    const one = await get(`${url}/v1/profiles/anon:4hG8/conflicts`)
    const all = await get(`${url}/v1/conflicts`)

    expect(one.body).toMatchObject({ conflicts: [refused] })
    expect(all.type).toBe('application/x-ndjson')
    expect(JSON.parse(String(all.body))).toMatchObject(refused)
  })

  it('is exported whole, with what each identifier brought', async () => {
    const { type, body } = await get(`${await adminOf()}/v1/profiles/anon:4hG8/export`)

    expect(type).toBe('application/json; charset=utf-8')
    expect(body).toMatchObject({
      exportedAt: expect.stringMatching(/Z$/),
      identifiers: ['user:17', 'anon:phone', 'anon:4hG8'],
      traits: { tier: { value: 'gold' } },
      audit: [{ what: 'link' }, { what: 'link' }, { what: 'link' }, { what: 'refuse' }],
      members: [
        { identifiers: ['user:17'], timeline: [] },
        { identifiers: ['anon:phone'], timeline: [{ id: 'e2' }] },
        { identifiers: ['anon:4hG8'], timeline: [{ id: 'e1' }] },
      ],
    })
  })

  it('of a device is who has it now, unless another epoch is named', async () => {
    const node = new FakeNode()
    const later = fragmentIdOf(anon, 1)
    const epochs = [{ to: `${hour}:00:00.000Z`, isClaimed: true }, { isClaimed: false }]
    node.heads.set(anon, { ...emptyHead(anon), tied: [user], epochs })
    node.heads.set(later, emptyHead(later))
    node.timelines.set(later, [{ at: `${hour}:01:00.000Z`, kind: 'page', id: 'e1' }])
    const url = await adminOf(node)

    const now = await get(`${url}/v1/profiles/anon:4hG8`)
    const then = await get(`${url}/v1/profiles/anon:4hG8?epoch=0`)
    const alone = await get(`${url}/v1/profiles/anon:4hG8?alone&epoch=1`)

    expect(now.body).toMatchObject({
      root: 'anon:4hG8 #1',
      epochs,
      timeline: [{ by: 'anon:4hG8 #1' }],
    })
    expect(then.body).toMatchObject({ identifiers: ['user:17', 'anon:4hG8'], epochs, timeline: [] })
    expect(alone.body).toMatchObject({ identifiers: [later], timeline: [{ id: 'e1' }] })
  })

  it('of a device is told of conflicts in all its epochs', async () => {
    const node = new FakeNode()
    const refused = linked('user:18', 'l3', { state: 'refused', reason: 'late' })
    const epochs = [{ to: `${hour}:00:00.000Z`, isClaimed: true }, { isClaimed: false }]
    node.heads.set(anon, { ...emptyHead(anon), links: [refused], epochs })
    const url = await adminOf(node)

    const all = await get(`${url}/v1/profiles/anon:4hG8/conflicts`)
    const now = await get(`${url}/v1/profiles/anon:4hG8/conflicts?epoch=1`)

    expect(all.body).toMatchObject({ conflicts: [{ lower: 'anon:4hG8', upper: 'user:18' }] })
    expect(now.body).toEqual({ conflicts: [] })
  })

  it.each(['', '/timeline', '/links', '/audit', '/conflicts', '/export', '?epoch=2', '?epoch=99'])(
    'that nobody knows is 404 (%s)',
    async (part) => {
      const { status, body } = await get(`${await adminOf()}/v1/profiles/anon:nobody${part}`)

      expect(status).toBe(404)
      expect(body).toMatchObject({ code: 'INVALID' })
    },
  )

  it.each(['?epoch=-1', '?epoch=x', '/timeline?newest=-1', '/timeline?newest=1e9'])(
    'is not asked for with %s',
    async (part) => {
      const { status } = await get(`${await adminOf()}/v1/profiles/anon:4hG8${part}`)

      expect(status).toBe(422)
    },
  )

  it('is not on the public port', async () => {
    const { url } = await startServer(family())

    for (const part of ['/links', '/export', '/audit', '/timeline', '/conflicts'])
      expect((await get(`${url}/v1/profiles/anon:4hG8${part}`)).status).toBe(404)
    expect((await get(`${url}/v1/conflicts`)).status).toBe(404)
    expect((await post(`${url}/v1/profiles/split`, {})).status).toBe(404)
  })
})

describe('a split on the admin port', () => {
  const dropped = { lower: 'anon:4hG8', upper: 'user:17', strength: 'asserted', channel: 'web' }
  const persons = [
    { root: 'anon:4hG8', identifiers: ['anon:4hG8'], traits: {} },
    { root: 'user:17', identifiers: ['user:17', 'anon:phone'], traits: { tier: {} } },
  ]

  it('takes the link back, in the name of whoever asked for it', async () => {
    const node = family()
    const asked = { a: 'anon:4hG8', b: 'user:17', by: 'ann' }

    const { status, body } = await post(`${await adminOf(node)}/v1/profiles/split`, asked)

    expect(status).toBe(200)
    expect(body).toMatchObject({ dropped, dryRun: false, by: 'ann', persons, stillLinkedBy: [] })
    expect(isFields(body) && body.position).toMatch(/^hs1\./)
    const record = { kind: 'unlink', key: anon, to: user, channel: 'operator', source: 'ann' }
    expect(node.records).toMatchObject([record])
  })

  it('of a device finds the epoch that is linked', async () => {
    const node = new FakeNode()
    const epochs = [{ to: `${hour}:00:00.000Z`, isClaimed: true }, { isClaimed: false }]
    node.heads.set(anon, { ...emptyHead(anon), tied: [user], links: [linked(user, 'l1')], epochs })
    const asked = { a: 'user:17', b: 'anon:4hG8' }
    node.heads.set(user, { ...emptyHead(user), tied: [anon] })

    const { body } = await post(`${await adminOf(node)}/v1/profiles/split`, asked)

    expect(body).toMatchObject({ dropped: { lower: 'anon:4hG8', upper: 'user:17' } })
    expect(node.records).toMatchObject([{ kind: 'unlink', key: anon, to: user }])
  })

  it('is only shown in a dry run', async () => {
    const node = family()
    const asked = { a: 'user:17', b: 'anon:4hG8', dryRun: true }

    const { body } = await post(`${await adminOf(node)}/v1/profiles/split`, asked)

    expect(body).toMatchObject({ dropped, dryRun: true, persons: persons.toReversed() })
    expect(body).not.toHaveProperty('position')
    expect(node.records).toEqual([])
  })

  it('wins over a link that is later than this node’s clock', async () => {
    const node = family()
    const at = '2999-01-01T00:00:00.000Z'
    node.heads.set(anon, { ...emptyHead(anon), tied: [user], links: [linked(user, 'l1', { at })] })

    await post(`${await adminOf(node)}/v1/profiles/split`, { a: anon, b: user })

    expect(node.records).toMatchObject([{ kind: 'unlink', at: Date.parse(at) + 1 }])
  })

  it.each([
    [
      { a: 'anon:4hG8', b: 'anon:phone' },
      /split one of anon:4hG8 user:17 \(asserted .*Z\), anon:phone user:17/,
    ],
    [{ a: 'anon:phone', b: 'user:18' }, /anon:phone and user:18 are not one person/],
    [{ a: 'anon:4hG8', b: 'anon:4hG8' }, /two identifiers/],
    [{ a: 'anon:4hG8', b: 'user:17', by: 'x'.repeat(65) }, /^by /],
    [{ a: 'anon:4hG8' }, /b/],
  ])('of %j is refused', async (asked, detail) => {
    const node = family()

    const { status, body } = await post(`${await adminOf(node)}/v1/profiles/split`, asked)

    expect(status).toBe(422)
    expect(body).toMatchObject({ code: 'INVALID', detail: expect.stringMatching(detail) })
    expect(node.records).toEqual([])
  })

  it('of whom nobody knows is 404', async () => {
    const asked = { a: 'anon:nobody', b: 'user:17' }

    const { status } = await post(`${await adminOf()}/v1/profiles/split`, asked)

    expect(status).toBe(404)
  })
})
