import type { Answer, ChannelRecord, DecideQuestion, Identifier } from '@halfsecond/protocol'
import { beforeEach, describe, expect, test } from 'vitest'
import { DecidingCluster, decide, shown } from '../../support/deciding-cluster.ts'
import { start } from '../../support/records.ts'

/** Shards 0 and 1 are on the first node, 2 on the second, 3 on the third. */
const holders = [[0], [0], [1], [2]]
const cookie = DecidingCluster.at('anon', 0)
const user = DecidingCluster.at('user', 2)
const stranger = DecidingCluster.at('user', 3)
const atHome = 0
const atRoot = 1
const root = 2

let ids = 0
const common = (key: Identifier, at: number) => ({ id: `r${++ids}`, key, at })
const page = (key: Identifier, at: number): ChannelRecord => {
  return { kind: 'event', ...common(key, at), name: 'page', properties: {} }
}
const link = (key: Identifier, to: Identifier, at: number): ChannelRecord => {
  return { kind: 'link', ...common(key, at), to, strength: 'authenticated' }
}

let cluster: DecidingCluster

/** A customer whose cookie is known, and of whom the second node answered before. */
beforeEach(async () => {
  cluster = await DecidingCluster.start(holders)
  const segment = { segment: 'gold' }
  const known = { kind: 'traits', ...common(user, start), set: segment, unset: [] } as const
  await cluster.publish(known, page(cookie, start), link(cookie, user, start))
  await cluster.settle()
  await cluster.ask(decide([cookie]), atHome)
  cluster.clock.advance(5)
  cluster.requests.length = 0
})

function askRoot(rest: Partial<DecideQuestion> = {}, node = atRoot): Promise<Answer> {
  return cluster.ask(decide([cookie], { root, ...rest }), node)
}

describe('a question that is sent to the root', () => {
  test('is answered there, and asks nobody', async () => {
    const answer = await askRoot()

    expect(shown(answer)).toBe('one, gold; fresh')
    expect(answer).toMatchObject({ position: [root, 1_000 + root, expect.any(Number)] })
    expect(cluster.requests).toEqual([])
  })

  test('reflects what is pending, and asks the home for it', async () => {
    const pending = [cluster.pending(page(cookie, start))]

    expect(shown(await askRoot({ pending }))).toBe('two, gold; fresh')
    expect(cluster.requests).toEqual(['n1 to n0'])
  })

  test('reflects its positions, whether or not the root was told', async () => {
    const positions = await cluster.publish(page(cookie, start))

    const before = shown(await askRoot({ positions }))
    await cluster.settle()
    cluster.requests.length = 0
    const after = shown(await askRoot({ positions }))

    expect([before, after]).toEqual(Array(2).fill('two, gold; fresh'))
    expect(cluster.requests).toEqual([])
  })

  test('asks the home of a member that has not told of late what it has', async () => {
    await cluster.publish(page(cookie, start))
    cluster.noteUnsent()

    expect(shown(await askRoot())).toBe('two, gold; stale')
  })

  test('is about nobody once the device was logged out of', async () => {
    await cluster.publish({ kind: 'logout', ...common(cookie, start + 1) })
    await cluster.settle()

    const answer = await askRoot()

    expect(shown(answer)).toBe('none, unknown; fresh')
    // So whoever asked goes home the next time.
    expect(answer).toMatchObject({ position: [0, 1_000, expect.any(Number)] })
  })

  test('is about whoever has the device now, not about who had it before', async () => {
    await cluster.publish(link(cookie, stranger, start + 1))
    await cluster.settle()

    expect(shown(await askRoot())).toBe('none, unknown; fresh')
  })

  test('is about nobody once the session on a shared device is over', async () => {
    await cluster.publish(link(cookie, stranger, start + 1), link(cookie, user, start + 2))
    await cluster.settle()
    const within = await askRoot()
    cluster.clock.advance(31 * 60_000)
    await cluster.tick()

    expect([shown(within), shown(await askRoot())]).toEqual([
      'one, gold; fresh',
      'none, unknown; fresh',
    ])
  })

  test('is about the cookie alone once it was taken apart', async () => {
    await cluster.publish({ kind: 'unlink', ...common(cookie, start + 1), to: user })
    await cluster.settle()

    expect(shown(await askRoot())).toBe('one, unknown; fresh')
  })

  test('is about nobody once the person is erased', async () => {
    const eraseId = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
    await cluster.publish({ kind: 'erase', ...common(user, start + 1), eraseId })
    await cluster.settle()

    expect(shown(await askRoot())).toBe('none, unknown; fresh')
  })

  test('fails soon where the home is silent, so that another replica can be asked', async () => {
    const home = cluster.nodes[atHome]
    if (home) home.state = 'silent'
    const pending = [cluster.pending(page(cookie, start))]
    const began = cluster.clock.monotonic()

    const answer = await askRoot({ pending })

    expect(answer).toMatchObject({ kind: 'error', error: { code: 'UNAVAILABLE' } })
    expect(cluster.clock.monotonic() - began).toBeLessThan(100)
  })

  test('goes the usual way where the node holds the home, and nowhere where it holds neither', async () => {
    const home = await askRoot({}, atHome)
    const neither = await askRoot({}, 2)

    expect(shown(home)).toBe('one, gold; fresh')
    expect(neither).toMatchObject({ kind: 'error', error: { code: 'MOVED' } })
  })

  test('is answered by a node that has never heard of it, with one question to the home', async () => {
    const fresh = await DecidingCluster.start(holders)
    await fresh.publish(page(cookie, start), link(cookie, user, start))
    await fresh.settle()

    const first = await fresh.ask(decide([cookie], { root }), atRoot)
    const asked = fresh.requests.splice(0)
    const second = await fresh.ask(decide([cookie], { root }), atRoot)

    expect([shown(first), shown(second)]).toEqual(Array(2).fill('one, unknown; fresh'))
    expect([asked, fresh.requests]).toEqual([['n1 to n0'], []])
  })
})
