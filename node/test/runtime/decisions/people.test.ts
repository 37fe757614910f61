import type { ChannelRecord, Identifier, ProfileQuestion, Strength } from '@halfsecond/protocol'
import { expect, test } from 'vitest'
import { explanationsOf } from '../../../src/core/decision/explain.ts'
import { DecidingCluster, decide, peoplePlaybook, shown } from '../../support/deciding-cluster.ts'
import { start } from '../../support/records.ts'

/** Shards 0 and 1 are on the first node, 2 and 3 on the second. */
const apart = [[0], [0], [1], [1]]
const together = [[0], [0], [0], [0]]
const doubled = [
  [0, 1],
  [0, 1],
  [1, 2],
  [1, 2],
]

const anon = DecidingCluster.at('anon', 0)
const other = DecidingCluster.at('anon', 1, 'other')
const email = DecidingCluster.at('email', 1, 'a@b.c')
const crm = DecidingCluster.at('crm', 2)
const user = DecidingCluster.at('user', 3)

let ids = 0
const common = (key: Identifier, at: number) => ({ id: `r${++ids}`, key, at })

function page(key: Identifier, at = start): ChannelRecord {
  return { kind: 'event', ...common(key, at), name: 'page', properties: {} }
}

function segment(key: Identifier, value: string): ChannelRecord {
  return { kind: 'traits', ...common(key, start), set: { segment: value }, unset: [] }
}

function link(
  key: Identifier,
  to: Identifier,
  at = start,
  strength: Strength = 'authenticated',
): ChannelRecord {
  return { kind: 'link', ...common(key, at), to, strength }
}

function unlink(key: Identifier, to: Identifier, at = start): ChannelRecord {
  return { kind: 'unlink', ...common(key, at), to }
}

test('what one channel knows of a person decides on another one, whichever name they go by', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(crm, 'gold'), page(anon), page(anon), link(anon, crm))
  await cluster.settle()

  const agent = await cluster.ask(decide([crm]), 1)
  const web = await cluster.ask(decide([anon]), 0)

  expect(shown(agent)).toBe('two, gold; fresh')
  expect(shown(web)).toBe('two, gold; fresh')
})

test('three names on three shards are one person', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(crm, 'gold'), page(anon), page(user), page(email))
  await cluster.publish(link(anon, email), link(email, crm), link(crm, user))
  await cluster.settle()

  for (const [identifier, node] of [
    [anon, 0],
    [email, 0],
    [crm, 1],
    [user, 1],
  ] as const)
    expect(shown(await cluster.ask(decide([identifier]), node))).toBe('many, gold; fresh')
})

test('nothing waits for what shards tell each other: a click counts for everybody who was linked', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(crm, 'gold'), link(anon, crm))
  await cluster.settle()
  await cluster.publish(page(anon))

  expect(shown(await cluster.ask(decide([anon]), 0))).toBe('one, gold; fresh')
})

test('a landing from an e-mail shows what is known of its reader in the same response', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(crm, 'gold'), page(email), link(email, crm))
  await cluster.settle()
  const pending = [cluster.pending(page(anon), link(anon, email))]

  const landing = await cluster.ask(decide([email, anon], { pending }), 0)

  expect(shown(landing)).toBe('two, gold; fresh')
})

test('a login shows the whole person in the same response', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(user, 'gold'), page(anon), page(anon))
  const pending = [cluster.pending(page(anon), link(anon, user))]

  const login = await cluster.ask(decide([user, anon], { pending }), 1)

  expect(shown(login)).toBe('many, gold; fresh')
})

test('whoever is taken apart is so in the same response', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(user, 'gold'), page(anon), link(anon, user))
  await cluster.settle()
  const pending = [cluster.pending(unlink(anon, user, start + 1))]
  cluster.clock.advance(5)

  const account = await cluster.ask(decide([user, anon], { pending }), 1)
  const browser = await cluster.ask(decide([anon], { pending }), 0)

  expect(shown(account)).toBe('none, gold; fresh')
  expect(shown(browser)).toBe('one, unknown; fresh')
})

test('a position of another home is reflected, as far as it is known there', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(link(anon, user))
  await cluster.settle()
  const positions = await cluster.publish(page(anon))

  const answer = await cluster.ask(decide([user, anon], { positions }), 1)

  expect(shown(answer)).toBe('one, unknown; fresh')
})

test('names that nobody linked share nothing', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(page(anon), page(anon), segment(user, 'gold'))
  await cluster.settle()

  expect(shown(await cluster.ask(decide([user, anon]), 1))).toBe('none, gold; fresh')
})

test('an account costs no question to others, a cookie of it one', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(user, 'gold'), page(anon), link(anon, user))
  await cluster.settle()

  const account = await cluster.ask(decide([user, anon]), 1)
  const byAccount = cluster.requests.splice(0)
  const cookie = await cluster.ask(decide([anon]), 0)

  expect([shown(account), shown(cookie)]).toEqual(Array(2).fill('one, gold; fresh'))
  expect(byAccount).toEqual([])
  expect(cluster.requests).toEqual(['n0 to n1'])
})

test('where all is on one node the answer is there at once', async () => {
  const cluster = await DecidingCluster.start(together)
  await cluster.publish(segment(crm, 'gold'), page(anon), link(anon, crm), link(crm, user))
  await cluster.settle()
  const pending = [cluster.pending(page(anon))]

  const answers = [
    cluster.answerNow(decide([anon], { pending })),
    cluster.answerNow(decide([user, crm, anon], { pending })),
  ]

  expect(answers.map((one) => (one instanceof Promise ? 'a promise' : shown(one)))).toEqual(
    Array(2).fill('two, gold; fresh'),
  )
})

test('a home that is away costs freshness, not the answer', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(user, 'gold'), page(anon), link(anon, user))
  await cluster.settle()
  const [node] = cluster.nodes
  if (node) node.state = 'gone'
  const pending = [cluster.pending(page(anon))]

  const answer = await cluster.ask(decide([user, anon], { pending }), 1)

  expect(shown(answer)).toBe('one, gold; stale')
})

test('where the home of the whole person is away, what is known on the way decides', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(email, 'gold'), page(anon), link(anon, email), link(email, user))
  await cluster.settle()
  const node = cluster.nodes[1]
  if (node) node.state = 'gone'

  expect(shown(await cluster.ask(decide([anon]), 0))).toBe('one, gold; stale')
})

test('a silent node is waited for no longer than the question allows', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(page(anon), link(anon, user))
  await cluster.settle()
  const node = cluster.nodes[1]
  if (node) node.state = 'silent'
  const began = cluster.clock.monotonic()

  const answer = await cluster.ask(decide([anon], { deadline: 100 }), 0)

  expect(shown(answer)).toBe('one, unknown; stale')
  expect(cluster.clock.monotonic() - began).toBeLessThan(100)
})

test.each(['gone', 'silent'] as const)(
  'a standby answers where the primary is %s',
  async (state) => {
    const cluster = await DecidingCluster.start(doubled)
    await cluster.publish(segment(user, 'gold'), page(anon), link(anon, user))
    await cluster.settle()
    const node = cluster.nodes[1]
    if (node) node.state = state

    expect(shown(await cluster.ask(decide([anon]), 0))).toBe('one, gold; fresh')
  },
)

test('an answer is stale while a shard has not told what it knows of a member', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(page(anon), link(anon, user))
  await cluster.settle()
  cluster.unsent.add(0)

  const whole = await cluster.ask(decide([user]), 1)
  const alone = await cluster.ask(decide([other]), 0)

  expect(shown(whole)).toBe('one, unknown; stale')
  expect(shown(alone)).toBe('none, unknown; fresh')
})

test('whom a limit keeps out of a profile has an own one', async () => {
  const cluster = await DecidingCluster.start(apart)
  const second = DecidingCluster.at('crm', 2, 'second')
  await cluster.publish(segment(user, 'gold'), link(crm, user, start - 1_000))
  await cluster.settle()
  await cluster.publish(page(second), link(second, user))

  const before = await cluster.ask(decide([second]), 1)
  await cluster.settle()
  const after = await cluster.ask(decide([second]), 1)

  expect(shown(before)).toBe('one, unknown; fresh')
  expect(shown(after)).toBe('one, unknown; fresh')
  expect(shown(await cluster.ask(decide([user]), 1))).toBe('none, gold; fresh')
})

test('whoever logs in on a device of somebody else sees nothing of them', async () => {
  const cluster = await DecidingCluster.start(apart)
  const second = DecidingCluster.at('user', 2, 'second')
  await cluster.publish(page(anon, start - 9_000), link(anon, user, start - 8_000))
  await cluster.settle()
  const pending = [cluster.pending(link(anon, second), page(anon))]

  const login = await cluster.ask(decide([second, anon], { pending }), 1)
  await cluster.publish(link(anon, second), page(anon))
  await cluster.settle()

  expect(shown(login)).toBe('one, unknown; fresh')
  expect(shown(await cluster.ask(decide([second, anon]), 1))).toBe('one, unknown; fresh')
  expect(shown(await cluster.ask(decide([user]), 1))).toBe('one, unknown; fresh')
})

test('after a logout the device is nobody’s, in the same response', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(user, 'gold'), page(anon, start - 2), link(anon, user, start - 1))
  await cluster.settle()
  const logout: ChannelRecord = { kind: 'logout', ...common(anon, start) }
  cluster.clock.advance(5)
  const pending = [cluster.pending(logout, page(anon, start + 1))]

  const before = await cluster.ask(decide([anon]), 0)
  const after = await cluster.ask(decide([anon], { pending }), 0)

  expect(shown(before)).toBe('one, gold; fresh')
  expect(shown(after)).toBe('one, unknown; fresh')
})

test('a playbook that wants to know something else gets it from the homes', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(page(anon), page(anon), page(other), link(anon, user), link(other, user))
  await cluster.settle()
  await cluster.activate(2, peoplePlaybook(9))

  const first = await cluster.ask(decide([user]), 1)
  const asked = cluster.requests.splice(0)
  const second = await cluster.ask(decide([user]), 1)

  expect(shown(first)).toBe('two, unknown; fresh')
  expect(asked).toEqual(['n1 to n0', 'n1 to n0'])
  expect(shown(second)).toBe('two, unknown; fresh')
  expect(cluster.requests).toEqual([])
})

test('a channel reads the traits that the playbook lets it, of the whole person', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(crm, 'gold'), link(anon, crm))
  await cluster.settle()
  const question: ProfileQuestion = {
    kind: 'profile',
    identifiers: [anon],
    channel: 'call',
    traits: ['segment'],
    deadline: 400,
    positions: [],
    pending: [],
  }

  const read = await cluster.ask(question, 0)
  const secret = await cluster.ask({ ...question, traits: ['segment', 'secret'] }, 0)
  const web = await cluster.ask({ ...question, channel: 'web' }, 0)

  expect(read).toMatchObject({
    kind: 'profile',
    freshness: 'fresh',
    traits: { segment: { value: 'gold', at: start } },
  })
  expect(secret).toMatchObject({ kind: 'error', error: { code: 'FORBIDDEN' } })
  expect(web).toMatchObject({ kind: 'error', error: { code: 'FORBIDDEN' } })
})

test('why tells of the whole person, wherever their fragments are', async () => {
  const cluster = await DecidingCluster.start(apart)
  await cluster.publish(segment(crm, 'gold'), page(anon), link(anon, crm))
  await cluster.settle()

  const explained = await cluster.nodes[0]?.decider.explain(decide([anon]))

  expect(explained && explanationsOf(explained)).toMatchObject([
    { placement: 'hero', freshness: 'fresh', identifiers: [crm, anon], shown: [{ offer: 'one' }] },
    { placement: 'segment', freshness: 'fresh', shown: [{ offer: 'note' }] },
  ])
})

test('shards of one node that are not of one playbook yet have an answer for a person on both', async () => {
  const cluster = await DecidingCluster.start(together)
  await cluster.publish(segment(user, 'gold'), page(anon), link(anon, user))
  await cluster.settle()
  await cluster.activate(2, peoplePlaybook(2), [3])

  const answer = await cluster.ask(decide([anon], { pending: [cluster.pending(page(anon))] }), 0)

  // What one of them counted under the other playbook is not known, and what is not known admits nothing.
  expect(shown(answer)).toBe('none, unknown; fresh')
  await cluster.activate(2, peoplePlaybook(2), [0, 1, 2])
  expect(shown(await cluster.ask(decide([anon]), 0))).toBe('one, gold; fresh')
})
