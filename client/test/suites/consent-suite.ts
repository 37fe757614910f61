import type { ConsentMode } from '@halfsecond/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectOver, type Decision, type Visitor } from '../../src/index.ts'
import { mapOf, ScriptedTransport, unavailable } from '../support/scripted-transport.ts'
import { pairIn, type SiteOptions, type StartSite } from './web-framework-suite.ts'

const cookieKeys = `k1:${Buffer.alloc(32, 1).toString('base64')}`
/** Far above what a busy machine takes for a request. */
const deadlineMs = 2_000

const dropped = 'hs=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax'

/** What the site's own banner knows: the header `x-consent`. */
const banner = (header: string | undefined) => (header ? header === 'yes' : undefined)

/** What `visitors` does in every web framework about consent. */
export function consentSuite(name: string, startSite: StartSite): void {
  async function start(
    mode: ConsentMode | 'away' | 'late' | undefined,
    options: Partial<SiteOptions> = {},
  ) {
    const transport = new ScriptedTransport()
    const { consent: _, ...map } = mapOf(1)
    if (mode === undefined) transport.currentMap = map
    else if (mode === 'away' || mode === 'late') transport.currentMap = unavailable()
    else transport.currentMap = { ...map, consent: mode }
    transport.isConnected = mode !== 'away'
    const problems: string[] = []
    const onProblem = ({ code }: { code: string }) => void problems.push(code)
    const client = connectOver(transport, { defaults: { hero: 'Hello' }, onProblem, deadlineMs })
    const seen: Visitor[] = []
    const decided: Decision[] = []
    const visit = async (visitor: Visitor) => {
      seen.push(visitor)
      void visitor.track('page')
      decided.push(await visitor.decide('hero'))
    }
    const site = await startSite({
      client,
      cookieKeys,
      visit,
      user: (header) => header,
      ...options,
    })
    onTestFinished(async () => {
      await site.stop()
      await client.close(0)
    })
    const get = async (headers: Record<string, string> = {}) => {
      const response = await fetch(site.url, { headers })
      expect(response.status).toBe(200)
      return response.headers.getSetCookie()
    }
    /** Key, and kind or name, of all that was recorded. */
    const recorded = async () => {
      await expect.poll(() => client.stats().queuedBytes, { timeout: 10_000 }).toBe(0)
      return transport.published.flatMap(({ records, names }) =>
        records.map(({ key }, i) => [key, names[i]]),
      )
    }
    return { transport, client, problems, seen, decided, get, recorded }
  }

  /** A cookie of a visitor who was recognised once. */
  async function aCookie(): Promise<{ cookie: string; key: string }> {
    const { get, seen } = await start('assumed')
    const cookie = pairIn(await get())
    return { cookie, key: seen[0]?.key ?? '' }
  }

  describe(`consent with ${name}`, () => {
    it.each<[string, ConsentMode, SiteOptions['consent'], Record<string, string>]>([
      ['who refused', 'assumed', banner, { 'x-consent': 'no' }],
      ['whose browser objects', 'assumed', banner, { 'sec-gpc': '1' }],
      [
        'whose browser objects, on a site without a banner',
        'assumed',
        undefined,
        { 'sec-gpc': '1' },
      ],
      ['who was not asked yet', 'required', banner, {}],
      ['whom the site cannot ask', 'required', undefined, {}],
      ['who is logged in and refused', 'assumed', banner, { 'x-consent': 'no', 'x-user': '17' }],
    ])('sets, records and asks nothing of a visitor %s', async (_, mode, consent, headers) => {
      const site = await start(mode, consent && { consent })

      const cookies = await site.get(headers)

      expect(cookies).toEqual([])
      expect(await site.recorded()).toEqual([])
      expect(site.transport.asked).toEqual([])
      expect(site.decided).toMatchObject([
        { content: 'Hello', reason: 'consent', playbook: 0, token: undefined, error: undefined },
      ])
      expect(site.client.stats()).toMatchObject({
        recorded: 0,
        unconsented: 1,
        dropped: {},
        decided: { consent: 1 },
      })
    })

    it.each<[string, ConsentMode, Record<string, string>]>([
      ['who agreed', 'required', { 'x-consent': 'yes' }],
      ['who agreed, whatever the browser says', 'required', { 'x-consent': 'yes', 'sec-gpc': '1' }],
      ['who was not asked, where that is assumed', 'assumed', {}],
      ['whose browser does not object', 'assumed', { 'sec-gpc': '0' }],
    ])('recognises a visitor %s', async (_, mode, headers) => {
      const { get, transport, decided, recorded } = await start(mode, { consent: banner })

      const cookies = await get(headers)

      expect(cookies).toHaveLength(1)
      expect((await recorded()).map(([, what]) => what)).toContain('page')
      expect(transport.asked).toHaveLength(1)
      expect(decided).toMatchObject([{ reason: 'rules' }])
    })

    it('tells nodes that wait for it what the banner knows, once', async () => {
      const { get, transport, seen, recorded } = await start('required', { consent: banner })

      const cookie = pairIn(await get({ 'x-consent': 'yes' }))
      await get({ cookie, 'x-consent': 'yes' })

      const key = seen[0]?.key
      expect(await recorded()).toEqual([
        [key, 'consent'],
        [key, 'page'],
        [key, 'page'],
      ])
      expect(transport.published[0]?.records).toMatchObject([
        { purpose: 'personalise', granted: true },
        { name: 'page' },
      ])
    })

    it('takes the cookie from who refuses, and records that once', async () => {
      const { cookie, key } = await aCookie()
      const { get, transport, recorded, seen } = await start('assumed', { consent: banner })

      const first = await get({ cookie, 'x-consent': 'no', 'x-user': '17' })
      const second = await get({ 'x-consent': 'no', 'x-user': '17' })

      expect([first, second]).toEqual([[dropped], []])
      expect(await recorded()).toEqual([[key, 'consent']])
      expect(transport.published[0]?.records).toMatchObject([
        { purpose: 'personalise', granted: false },
      ])
      expect(seen[0]?.known).toEqual([key, 'user:17'])
    })

    it('leaves the cookie of who is yet to be asked as it is, and unused', async () => {
      const { cookie } = await aCookie()
      const { get, transport, recorded } = await start('required', { consent: banner })

      expect(await get({ cookie })).toEqual([])
      expect(await recorded()).toEqual([])
      expect(transport.asked).toEqual([])
    })

    it('recognises a visitor from the moment that they agree', async () => {
      const { get, seen, decided, recorded, transport } = await start('required', {
        visit: async (visitor) => {
          seen.push(visitor)
          void visitor.track('early')
          decided.push(await visitor.decide('hero'))
          void visitor.consent('personalise', true)
          void visitor.track('late')
          decided.push(await visitor.decide('hero'))
        },
      })

      const cookies = await get()

      const key = seen[0]?.key
      expect(cookies).toHaveLength(1)
      expect(cookies[0]).toContain(`hs=v1.${key?.replace('anon:', '')}.k1.`)
      expect(await recorded()).toEqual([
        [key, 'consent'],
        [key, 'late'],
      ])
      expect(decided.map(({ reason }) => reason)).toEqual(['consent', 'rules'])
      expect(transport.asked).toHaveLength(1)
    })

    it('forgets a visitor from the moment that they refuse', async () => {
      const { get, seen, decided, recorded } = await start('assumed', {
        visit: async (visitor) => {
          seen.push(visitor)
          void visitor.track('early')
          void visitor.consent('personalise', false)
          void visitor.track('late')
          decided.push(await visitor.decide('hero'))
        },
      })

      const cookies = await get()

      const key = seen[0]?.key
      expect(cookies.at(-1)).toBe(dropped)
      expect(await recorded()).toEqual([
        [key, 'early'],
        [key, 'consent'],
      ])
      expect(decided).toMatchObject([{ reason: 'consent' }])
    })

    it('records no refusal of who was never known, and that of a customer', async () => {
      const { get, recorded } = await start('required', {
        visit: (visitor) => visitor.consent('personalise', false),
      })

      await get()
      await get({ 'x-user': '17' })

      expect(await recorded()).toEqual([['user:17', 'consent']])
    })

    it('resolves what is not recorded, and knows no traits', async () => {
      const results: unknown[] = []
      const { get, client } = await start('required', {
        visit: async (visitor) => {
          results.push(await visitor.track('page'), await visitor.identify({ user: 'u' }))
          results.push(await visitor.alias({ crm: 'c' }), await visitor.landed('token'))
          results.push(await visitor.setTraits({ tier: 'gold' }), await visitor.reset())
          results.push(await visitor.consent('newsletter', true))
          results.push(await visitor.profile(['tier']))
        },
      })

      await get()

      const nothing = Array.from({ length: 7 }, () => undefined)
      expect(results).toEqual([...nothing, { traits: {}, freshness: 'stale' }])
      expect(client.stats()).toMatchObject({ recorded: 0, unconsented: 7, dropped: {} })
    })

    it('says so where the answer had begun without the cookie', async () => {
      let agreed: Promise<unknown> = Promise.resolve()
      const { get, problems } = await start('required', {
        visit: () => undefined,
        later: (visitor) => {
          agreed = visitor.consent('personalise', true)
        },
      })

      const cookies = await get()
      await agreed

      expect(cookies).toEqual([])
      expect(problems).toEqual(['INVALID'])
    })

    it('follows the playbook that is active', async () => {
      const { get, transport, client } = await start('required')
      await client.ready()
      const before = await get()

      transport.tell({ ...mapOf(1), consent: 'assumed' })
      const after = await get()

      expect([before.length, after.length]).toEqual([0, 1])
    })

    it('asks first where no node has told otherwise', async () => {
      const { get } = await start(undefined)

      expect(await get()).toEqual([])
    })

    it('waits for no cluster that is away', async () => {
      const { get } = await start('away')
      const startedAt = performance.now()

      const cookies = await get()

      expect(cookies).toEqual([])
      expect(performance.now() - startedAt).toBeLessThan(deadlineMs / 2)
    })

    it('waits for a cluster that is about to answer', async () => {
      const { get, transport } = await start('late')
      setTimeout(() => transport.tell(mapOf(1)), 50)

      expect(await get()).toHaveLength(1)
    })
  })
}
