import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Requirement } from '../../../deploy/test/requirements.ts'
import { needs } from '../../../deploy/test/requirements.ts'
import { type Client, type ClientOptions, connect } from '../../src/index.ts'
import { fresh } from '../support/fresh.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

/** A cluster that decides by `suitePlaybook`. */
export interface SuiteCluster {
  readonly url: string
  /** What a client of this wire needs besides the address. */
  readonly options: ClientOptions
  publish(playbook: string): Promise<unknown>
  stop(): Promise<void>
}

export const suitePlaybook = `
playbook: client-suite
consent: { personalise: assumed }
events:
  interest: { about: string }
traits:
  tier: { type: string, default: none }
  salary: { type: double, default: 0 }
profile: { web: [tier] }
placements:
  hero: { channel: web, format: banner, fallback: { title: Welcome } }
  side: { channel: web, format: banner, fallback: { title: Catalogue } }
offers:
  boots:
    priority: 20
    when: recent("interest", "30m").exists(i, i.about == "boots")
    accepted: retire
    treatments: { banner: { title: Boots } }
  many:
    priority: 10
    when: count("interest", "30m") >= 5
    treatments: { banner: { title: So many interests } }
  lounge:
    when: traits.tier == "gold"
    treatments: { banner: { title: The lounge } }
`

/** The longest that a decide may take: what is promised of its content does not hang on how fast this machine is. */
const deadlineMs = 2_000

/** Until a node is up and heard, on a busy machine. */
const readyMaxMs = 30_000

/** What comes soon comes late on a busy machine, and never on a broken one. */
const patience = { timeout: 20_000, interval: 50 }

/** How long closing takes where nobody says how long it may. */
const closeMs = 5_000

const always: Requirement = { isMet: true, remedy: '', isExcused: true }

/** What a client promises on every wire, against real nodes. */
export function clientSuite(
  name: string,
  start: () => Promise<SuiteCluster>,
  requirement = always,
): void {
  describe(`a client of ${name}`, needs(requirement), () => {
    let cluster: SuiteCluster
    let proxy: TcpProxy
    let client: Client
    let made = 0

    const open = (options: ClientOptions = {}) => {
      const url = new URL(cluster.url)
      url.port = String(proxy.port)
      const defaults = { hero: 'Default hero' }
      return connect(`${url.protocol}//${url.host}`, {
        ...cluster.options,
        defaults,
        deadlineMs,
        ...options,
      })
    }
    const newcomer = () => client.visitor({ anon: `visitor-${++made}` })

    beforeAll(async () => {
      cluster = await start()
      proxy = await TcpProxy.start(Number(new URL(cluster.url).port))
      // A node that has just started is fresh once it has heard its own beat, later on a busy machine.
      const early = open()
      await early.ready(readyMaxMs)
      await fresh(() => early.visitor({ anon: 'early' }).decide('hero'))
      await early.close()
    }, 120_000)

    beforeEach(async () => {
      client = open()
      await client.ready(readyMaxMs)
    })

    afterEach(async () => {
      proxy.heal()
      await client.close(1_000)
    })

    afterAll(async () => {
      await proxy?.stop()
      await cluster?.stop()
    })

    it('shows a newcomer what the playbook falls back to', async () => {
      const decision = await fresh(() => newcomer().decide('hero'))

      expect(decision).toMatchObject({
        content: { title: 'Welcome' },
        offer: undefined,
        reason: 'fallback',
        freshness: 'fresh',
        playbook: 1,
        error: undefined,
      })
    })

    it('reflects the last click at once, whoever clicks meanwhile', async () => {
      const decided = Array.from({ length: 300 }, (_, i) => {
        const visitor = newcomer()
        void visitor.track('interest', { about: i % 3 === 0 ? 'boots' : 'tents' })
        return fresh(() => visitor.decide('hero'))
      })

      const offers = (await Promise.all(decided)).map(({ offer }) => offer)

      expect(offers).toEqual(offers.map((_, i) => (i % 3 === 0 ? 'boots' : undefined)))
    })

    it('reflects each of many clicks once, acknowledged or not', async () => {
      const visitor = newcomer()
      const seen: (string | undefined)[] = []

      for (let i = 0; i < 6; i++) {
        const tracked = visitor.track('interest', { about: 'tents' })
        if (i % 2 === 0) await tracked
        seen.push((await fresh(() => visitor.decide('hero'))).offer)
      }

      expect(seen).toEqual([undefined, undefined, undefined, undefined, 'many', 'many'])
    })

    it('knows who logged in, and by what traits, from the next decision on', async () => {
      const visitor = newcomer()

      void visitor.identify({ user: `customer-${made}` }, { tier: 'gold' })
      const decision = await fresh(() => visitor.decide('hero'))

      expect(visitor.key).toBe(`user:customer-${made}`)
      expect(decision.content).toEqual({ title: 'The lounge' })
    })

    it('knows whose mail somebody came by, from the next decision on', async () => {
      const reader = client.visitor({ email: `reader-${++made}@example.org` })
      await reader.setTraits({ tier: 'gold' })
      const { token = '' } = await fresh(() => reader.decide('hero'))
      const visitor = newcomer()

      void visitor.landed(token)
      const decision = await fresh(() => visitor.decide('hero'))

      expect(visitor.key).toBe(`anon:visitor-${made}`)
      expect(decision.content).toEqual({ title: 'The lounge' })
    })

    it('tells what is known of the whole person, as far as the channel may read it', async () => {
      const customer = { crm: `customer-${++made}` }
      const caller = client.visitor(customer)
      await caller.setTraits({ tier: 'gold', salary: 9 })
      const web = open({ channel: 'web' })
      const visitor = web.visitor({ anon: `visitor-${made}` }, caller.position)

      void visitor.alias(customer)
      const profile = await fresh(() => visitor.profile(['tier']))
      const refused = visitor.profile(['tier', 'salary'])

      expect(profile.traits).toEqual({ tier: { value: 'gold', at: expect.any(Number) } })
      await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN' })
      await web.close()
    })

    it('shows no offer twice on a page', async () => {
      const visitor = newcomer()
      void visitor.track('interest', { about: 'boots' })

      const { hero, side } = await fresh(async () => {
        const { hero, side } = await visitor.decideAll(['hero', 'side'])
        return { hero, side, freshness: hero?.freshness ?? 'stale', error: hero?.error }
      })

      expect([hero?.offer, side?.offer]).toEqual(['boots', undefined])
      expect(side?.content).toEqual({ title: 'Catalogue' })
      expect(hero?.decision).toBe(side?.decision)
    })

    it('does not repeat what was accepted a moment ago', async () => {
      const visitor = newcomer()
      void visitor.track('interest', { about: 'boots' })
      const decision = await fresh(() => visitor.decide('hero'))

      void decision.displayed()
      void decision.accepted()
      const next = await fresh(() => visitor.decide('hero'))

      expect([decision.offer, next.offer]).toEqual(['boots', undefined])
    })

    it('does not repeat what was accepted by its token, on any server', async () => {
      const visitor = newcomer()
      void visitor.track('interest', { about: 'boots' })
      const { token = '' } = await fresh(() => visitor.decide('hero'))

      await client.outcome(token, 'accept')
      const here = await fresh(() => visitor.decide('hero'))
      const other = open()
      const same = other.visitor({ anon: `visitor-${made}` }, visitor.position)
      const there = await fresh(() => same.decide('hero'))
      await other.close()

      expect([here.offer, there.offer]).toEqual([undefined, undefined])
    })

    it('says when an acceptance counts on every channel, by whatever its visitor is known', async () => {
      const visitor = newcomer()
      const known = [{ anon: `visitor-${made}` }, { user: `accepting-${made}` }]
      await visitor.track('interest', { about: 'boots' })
      const { token = '', offer } = await fresh(() => visitor.decide('hero'))
      await visitor.identify({ user: `accepting-${made}` })

      // It is awaited for half a second, which a busy machine may need for more than one try.
      await vi.waitFor(async () => {
        expect(await client.accepted(token)).toMatchObject({ isEverywhere: true })
      }, patience)

      const other = open()
      const asked = known.map((one) => fresh(() => other.visitor(one).decide('hero')))
      const decisions = await Promise.all(asked)
      await other.close()
      expect(offer).toBe('boots')
      expect(decisions.map((one) => one.offer)).toEqual([undefined, undefined])
    })

    it('refuses a token that was changed', async () => {
      const visitor = newcomer()
      void visitor.track('interest', { about: 'boots' })
      const { token = '' } = await fresh(() => visitor.decide('hero'))
      const forged = token.slice(0, -8) + (token.endsWith('AAAAAAAA') ? 'BBBBBBBB' : 'AAAAAAAA')

      const reported = client.outcome(forged, 'accept')

      await expect(reported).rejects.toMatchObject({ code: 'FORBIDDEN' })
    })

    it('takes what comes after a reset for the device’s alone', async () => {
      const visitor = newcomer()
      void visitor.identify({ user: `customer-${made}` }, { tier: 'gold' })
      const before = await fresh(() => visitor.decide('hero'))

      await visitor.reset()
      const after = await fresh(() => visitor.decide('hero'))

      expect([before.offer, after.offer]).toEqual(['lounge', undefined])
    })

    it('hands what it knows to another server', async () => {
      const visitor = newcomer()
      await visitor.track('interest', { about: 'boots' })

      const other = open()
      const same = other.visitor({ anon: `visitor-${made}` }, visitor.position)
      const there = await fresh(() => same.decide('hero'))
      await other.close()

      expect(there).toMatchObject({ offer: 'boots', freshness: 'fresh' })
    })

    it('shows default content at an unknown placement, and says so', async () => {
      const decision = await newcomer().decide('hreo')

      expect(decision).toMatchObject({
        content: null,
        reason: 'unavailable',
        error: { code: 'UNKNOWN_PLACEMENT' },
      })
    })

    it('keeps the deadline where the cluster is silent, and goes on when it speaks again', async () => {
      const visitor = newcomer()
      proxy.silence()
      const startedAt = performance.now()

      const decided = visitor.decide('hero', { deadlineMs: 100 })
      const clicked = visitor.track('interest', { about: 'boots' })
      const decision = await decided
      const tookMs = performance.now() - startedAt
      proxy.heal()
      await clicked

      expect(decision).toMatchObject({
        content: 'Default hero',
        reason: 'deadline',
        error: { code: 'TIMEOUT' },
      })
      expect(tookMs).toBeGreaterThanOrEqual(95)
      expect(tookMs).toBeLessThan(deadlineMs)
      expect((await fresh(() => visitor.decide('hero'))).offer).toBe('boots')
    })

    it('shows default content where the cluster is away, and brings the clicks later', async () => {
      const visitor = newcomer()
      proxy.cut()
      const clicks = Array.from({ length: 50 }, () => visitor.track('interest', { about: 'tents' }))

      const decision = await visitor.decide('hero')
      proxy.heal()
      const positions = await Promise.all(clicks)
      const other = open()
      const same = other.visitor({ anon: `visitor-${made}` }, visitor.position)
      const there = await fresh(() => same.decide('hero'))
      await other.close()

      expect(decision).toMatchObject({ content: 'Default hero', error: { code: 'UNAVAILABLE' } })
      expect(positions).toHaveLength(50)
      expect(there.offer).toBe('many')
      expect(client.stats()).toMatchObject({ acknowledged: 50, dropped: {}, queuedBytes: 0 })
    })

    it('finds a cluster that starts after it', async () => {
      proxy.cut()
      const early = open({ deadlineMs: 50 })
      const visitor = early.visitor({ anon: `visitor-${++made}` })
      const clicked = visitor.track('interest', { about: 'boots' })

      const before = await visitor.decide('hero')
      proxy.heal()
      await clicked
      await early.ready(readyMaxMs)
      const after = await fresh(() => visitor.decide('hero', { deadlineMs }))
      await early.close()

      expect([before.content, after.offer]).toEqual(['Default hero', 'boots'])
    })

    it('closes in time where the cluster is silent', async () => {
      const other = open()
      await other.ready(readyMaxMs)
      const visitor = other.visitor({ anon: `visitor-${++made}` })
      proxy.silence()
      const clicked = visitor.track('interest', { about: 'boots' })
      const startedAt = performance.now()

      await other.close(100)

      await expect(clicked).rejects.toMatchObject({ code: 'CLOSED' })
      expect(performance.now() - startedAt).toBeLessThan(closeMs)
    })

    it('flushes when it is closed, and is quiet after', async () => {
      const other = open()
      const visitor = other.visitor({ anon: `visitor-${++made}` })
      const clicked = visitor.track('interest', { about: 'boots' })

      await other.close()
      const decision = await visitor.decide('hero')

      expect(await clicked).toMatchObject({ sequence: expect.any(Number) })
      await expect(visitor.track('interest')).rejects.toMatchObject({ code: 'CLOSED' })
      expect(decision).toMatchObject({ content: 'Default hero', error: { code: 'CLOSED' } })
    })

    it('hears soon whether visitors have to be asked first', async () => {
      const before = await client.consentMode()

      await cluster.publish(suitePlaybook.replace('assumed', 'required'))
      await expect
        .poll(async () => {
          await newcomer().decide('hero')
          return client.consentMode()
        }, patience)
        .toBe('required')
      await cluster.publish(suitePlaybook)

      expect(before).toBe('assumed')
    })
  })
}
