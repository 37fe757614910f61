import { describe, expect, it } from 'vitest'
import { FakeIdentity } from './support/fake-identity.ts'
import { FakeNode } from './support/fake-node.ts'
import { get, postAs, startServer } from './support/running-server.ts'

const yaml = 'text/yaml'

async function server() {
  const identity = new FakeIdentity()
  const { adminUrl } = await startServer(Object.assign(new FakeNode(), { identity }))
  return { identity, at: (path: string) => `${adminUrl}/v1/identity${path}` }
}

describe('the identity configuration at the admin door', () => {
  it('is told with its versions', async () => {
    const { at } = await server()

    expect((await get(at(''))).body).toMatchObject({
      version: 2,
      identity: 'shop',
      by: 'ann',
      versions: [{ version: 2, at: '2026-11-18T11:06:40.000Z' }],
    })
  })

  it('is planned, which changes nothing, and applied by somebody', async () => {
    const { at, identity } = await server()

    const planned = await postAs(at('/plan'), yaml, 'identity: new')
    const before = [...identity.applied]
    const applied = await postAs(at('/apply?by=ann'), yaml, 'identity: new')

    expect(planned).toMatchObject({ status: 200, body: { identity: 'new', base: 2, changing: 1 } })
    expect(before).toEqual([])
    expect(applied).toMatchObject({ status: 200, body: { version: 3 } })
    expect(identity.applied).toEqual(['new by ann'])
  })

  it.each(['/plan', '/apply?by=ann'])(
    'that is faulty is refused with places by %s',
    async (path) => {
      const { at } = await server()

      expect(
        await postAs(at(path), yaml, 'identity: new\nnamespaces: { user: { rank: 3 } }'),
      ).toMatchObject({
        status: 422,
        body: {
          code: 'INVALID',
          detail: 'the identity configuration was not taken: 1 fault',
          faults: [{ line: 2, column: 29, path: 'namespaces.user.rank' }],
        },
      })
    },
  )

  it('is reverted, unless it is a dry run', async () => {
    const { at, identity } = await server()

    const dry = await postAs(at('/revert?version=1&by=ann&dryRun=true'), 'application/json', '{}')
    const before = [...identity.applied]
    const done = await postAs(at('/revert?version=1&by=ann'), 'application/json', '{}')

    expect([dry.status, done.status]).toEqual([200, 200])
    expect(before).toEqual([])
    expect(identity.applied).toEqual(['revert to 1 by ann'])
  })

  it.each([
    ['/plan', ''],
    ['/apply', 'identity: new'],
    ['/apply?by=', 'identity: new'],
    ['/revert?by=ann', '{}'],
    ['/revert?by=ann&version=x', '{}'],
    ['/revert?by=ann&version=-1', '{}'],
  ])('takes no POST %s with %j', async (path, body) => {
    const { at, identity } = await server()

    const { status } = await postAs(at(path), yaml, body)

    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
    expect(identity.applied).toEqual([])
  })
})
