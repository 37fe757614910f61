import { describe, expect, it, onTestFinished } from 'vitest'
import { type Client, connectOver, type Visitor } from '../../src/index.ts'
import { ScriptedTransport } from '../support/scripted-transport.ts'

/** A request as a site sees it: only what tests need of it. */
export interface SiteOptions {
  readonly client: Client
  readonly cookieKeys: string
  readonly user?: (header: string | undefined) => string | undefined | Promise<string | undefined>
  readonly secure?: boolean
  /** Of the header `user-agent`. */
  readonly isBot?: (header: string | undefined) => boolean
  /** Of the header `x-consent`. */
  readonly consent?: (header: string | undefined) => boolean | undefined
  /** Runs in a route, before the answer is sent. */
  readonly visit: (visitor: Visitor) => unknown
  /** Runs when the answer has been sent. */
  readonly later?: (visitor: Visitor) => unknown
}

/** Starts a site of one route, `/`; `x-user` is the header that its login reads. */
export type StartSite = (options: SiteOptions) => Promise<{ url: string; stop(): Promise<void> }>

const keyTexts = [1, 2].map((byte) => `k${byte}:${Buffer.alloc(32, byte).toString('base64')}`)
const [oldKey = '', newKey = ''] = keyTexts

/** What `visitors` does in every web framework. */
export function webFrameworkSuite(name: string, startSite: StartSite): void {
  async function start(options: Partial<SiteOptions> = {}) {
    const transport = new ScriptedTransport()
    const problems: string[] = []
    const client = connectOver(transport, { onProblem: ({ code }) => void problems.push(code) })
    const seen: Visitor[] = []
    const visit = (visitor: Visitor) => void seen.push(visitor)
    const site = await startSite({ client, cookieKeys: newKey, visit, ...options })
    onTestFinished(async () => {
      await site.stop()
      await client.close(0)
    })
    const get = async (headers: Record<string, string> = {}) => {
      const response = await fetch(site.url, { headers })
      return { status: response.status, cookies: response.headers.getSetCookie() }
    }
    return { transport, client, seen, problems, get }
  }

  describe(`visitors of ${name}`, () => {
    it('get a cookie with an anonymous id on the first hit, and keep both', async () => {
      const { seen, get } = await start()

      const first = await get()
      const again = await get({ cookie: `theme=dark; ${pairIn(first.cookies)}` })

      expect(first.cookies).toHaveLength(1)
      expect(first.cookies[0]).toMatch(
        /^hs=v1\.[\w-]{22}\.k2\.[\w-]{22}; Max-Age=34560000; Path=\/; HttpOnly; SameSite=Lax$/,
      )
      expect(again.cookies).toEqual([])
      expect(seen[0]?.key).toMatch(/^anon:[\w-]{22}$/)
      expect(seen[1]?.known).toEqual(seen[0]?.known)
    })

    it('get a cookie that only this host can set, by https', async () => {
      const { get } = await start({ secure: true })

      const { cookies } = await get()

      expect(cookies[0]).toMatch(/^__Host-hs=v1\..*; Secure$/)
    })

    it('that are bots get no cookie, leave no records, and are asked about as bots', async () => {
      const recorded: unknown[] = []
      const { transport, client, get } = await start({
        isBot: (agent) => agent?.startsWith('Crawler') === true,
        user: () => '17',
        visit: async (visitor) => {
          recorded.push(await visitor.track('page'), await visitor.consent('personalise', true))
          await visitor.decide('hero')
        },
      })

      const { cookies } = await get({ 'user-agent': 'Crawler/1.0' })
      const people = await get({ 'user-agent': 'Lynx' })

      expect(cookies).toEqual([])
      expect(people.cookies).toHaveLength(1)
      expect(recorded.slice(0, 2)).toEqual([undefined, undefined])
      expect(client.stats().unconsented).toBe(2)
      const [[asked] = [], [askedOfPeople] = []] = transport.asked
      expect(asked).toMatchObject({
        isBot: true,
        identifiers: [expect.stringMatching(/^anon:/)],
        positions: [],
        pending: [],
      })
      expect(askedOfPeople).not.toHaveProperty('isBot')
    })

    it('get another id for a forged or malformed cookie', async () => {
      const { seen, get } = await start()
      const { cookies } = await get()
      const forged = pairIn(cookies).replace(/v1\.../, 'v1.AA')

      const answers = [await get({ cookie: forged }), await get({ cookie: 'hs=%%%' })]

      expect(answers.map((answer) => answer.cookies.length)).toEqual([1, 1])
      expect(new Set(seen.map(({ key }) => key)).size).toBe(3)
    })

    it('keep their id when keys rotate, and get it signed anew', async () => {
      const before = await start({ cookieKeys: oldKey })
      const { cookies } = await before.get()

      const after = await start({ cookieKeys: `${newKey},${oldKey}` })
      const renewed = await after.get({ cookie: pairIn(cookies) })
      const again = await after.get({ cookie: pairIn(renewed.cookies) })

      expect(after.seen[0]?.key).toBe(before.seen[0]?.key)
      expect(renewed.cookies[0]).toContain('.k2.')
      expect(again.cookies).toEqual([])
    })

    it('are who the login says, besides the browser', async () => {
      const { seen, get } = await start({ user: async (header) => header })

      await get({ 'x-user': '17' })
      await get()

      expect(seen[0]?.key).toBe('user:17')
      expect(seen[0]?.known).toHaveLength(2)
      expect(seen[1]?.key).toMatch(/^anon:/)
    })

    it('are the browser alone where the login says what no customer can be', async () => {
      const { seen, problems, get } = await start({ user: () => 'undefined' })

      const { status } = await get()

      expect(status).toBe(200)
      expect(seen[0]?.key).toMatch(/^anon:/)
      expect(problems).toEqual(['INVALID'])
    })

    it('see the site’s own error page where the login fails', async () => {
      const fail = () => Promise.reject(new Error('sessions are down'))
      const { seen, get } = await start({ user: fail })

      const { status } = await get()

      expect(status).toBe(500)
      expect(seen).toEqual([])
    })

    it('are the browser alone after a reset, with the same cookie', async () => {
      const { transport, seen, get } = await start({
        user: (header) => header,
        visit: (visitor) => {
          seen.push(visitor)
          void visitor.reset()
        },
      })
      const { cookies } = await get()

      const { cookies: later } = await get({ cookie: pairIn(cookies), 'x-user': '17' })
      await expect.poll(() => transport.published.length, { timeout: 10_000 }).toBe(2)

      expect(later).toEqual([])
      expect(seen[1]?.known).toEqual(seen[0]?.known)
      expect(transport.published.map(({ names }) => names)).toEqual([['logout'], ['logout']])
    })
  })
}

/** What a browser sends back. */
export function pairIn(cookies: readonly string[]): string {
  return cookies[0]?.split(';')[0] ?? ''
}
