import {
  type Answer,
  builtInNamespaces,
  type ChannelRecord,
  compareIdentifiers,
  type DecideQuestion,
  greatest,
  type Identifier,
  shardOf,
  type WirePosition,
} from '@halfsecond/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecidingCluster, decide } from '../../support/deciding-cluster.ts'
import { start } from '../../support/records.ts'

/** Shards over three nodes; the first identifier of each kind is at home on another one. */
const holders = [[0], [1], [2], [0]]
const shards = holders.length
const identifiers = [
  DecidingCluster.at('anon', 0),
  DecidingCluster.at('anon', 1, 'second'),
  DecidingCluster.at('email', 2, 'a@b.c'),
  DecidingCluster.at('crm', 1),
  DecidingCluster.at('user', 2),
  DecidingCluster.at('user', 1, 'second'),
].sort((a, b) => compareIdentifiers(a, b, builtInNamespaces))
const [browser, other] = identifiers

const someone = fc.nat(identifiers.length - 1)
const kind = fc.constantFrom(
  ...(['event', 'event', 'link', 'link', 'unlink', 'logout', 'erase'] as const),
)

/** What is recorded: of whom, and for a link to whom. */
interface Deed {
  readonly kind: 'event' | 'link' | 'unlink' | 'logout' | 'erase'
  readonly of: number
  readonly other: number
}

type Step =
  | Deed
  | { readonly kind: 'settle' }
  | { readonly kind: 'ask'; readonly of: number }
  | { readonly kind: 'wait'; readonly ms: number }

function deedOf(of: fc.Arbitrary<number>): fc.Arbitrary<Deed> {
  return fc.record({ kind, of, other: someone })
}

const settle = { kind: 'settle' } as const
const wait = fc.record({
  kind: fc.constant('wait' as const),
  ms: fc.constantFrom(1, 60_000, 31 * 60_000),
})

const asks = identifiers.map((_, of) => ({ kind: 'ask', of }) as const)

/** Histories in which much is about the one who asks in the end. */
const history = fc.nat(3).chain((asking) => {
  const deed = fc.oneof(deedOf(fc.constant(asking)), deedOf(someone))
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: deed },
    { weight: 2, arbitrary: wait },
    { weight: 1, arbitrary: fc.constant(settle) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('ask' as const), of: someone }) },
  )
  return fc.record({
    asking: fc.constant(asking),
    /** Whoever else is named. */
    others: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.tuple(fc.nat(asking))),
    /** Whoever asks is somebody's, all have heard of it, and it is known where profiles are. */
    before: fc
      .tuple(
        fc.integer({ min: asking + 1, max: identifiers.length - 1 }),
        fc.array(deed, { maxLength: 5 }),
      )
      .map(([other, more]): readonly Step[] => {
        return [{ kind: 'link', of: asking, other }, ...more, settle, ...asks]
      }),
    after: fc.array(step, { maxLength: 6 }),
    /** By whoever asks. */
    own: fc.array(deedOf(fc.constant(asking)), { maxLength: 2 }),
    pending: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      fc.tuple(deedOf(fc.constant(asking))),
    ),
  })
})
test('a question that is sent to the root has the answer that it would have at home', async () => {
  let atRoot = 0
  await fc.assert(
    fc.asyncProperty(history, fc.boolean(), async (steps, isSettled) => {
      const { asking, others, before, after, own, pending } = steps
      const world = await World.start()
      for (const step of [...before, ...after, ...own]) await world.take(step)
      if (isSettled) await world.take(settle)
      const known = [...new Set([asking, ...others])].map(identifierAt)
      // Of whoever else is named it demands what it may not know, as some nodes happen to hold it.
      const positions = world.positionsOf(others.map(identifierAt))
      const question = decide(known, { positions, pending: world.pendingOf(pending) })
      await world.cluster.tick()
      world.cluster.noteUnsent()
      const root = world.rootOf(known)
      const expected = await world.cluster.askHome(question)

      const answer = await world.askRoot(question, root)

      expect(answer).toEqual(expected)
      if (world.wasAtRoot) atRoot++
    }),
    { numRuns: 250 },
  )
  // Otherwise nothing would have been compared.
  expect(atRoot).toBeGreaterThan(10)
})

test('whoever asks sees what they did themselves, however little shards told each other', async () => {
  let atRoot = 0
  await fc.assert(
    fc.asyncProperty(history, async ({ asking, before, own, pending }) => {
      const world = await World.start()
      for (const step of [...before, ...own]) await world.take(step)
      const known = [identifierAt(asking)]
      const positions = world.positionsOf(known)
      const question = decide(known, { positions, pending: world.pendingOf(pending) })
      const root = world.rootOf(known)
      const expected = await world.cluster.askHome(question)

      const answer = await world.askRoot(question, root)

      expect(answer).toEqual(expected)
      if (world.wasAtRoot) atRoot++
    }),
    { numRuns: 250 },
  )
  expect(atRoot).toBeGreaterThan(10)
})

/** A cluster, and what a client knows of it. */
class World {
  readonly cluster: DecidingCluster
  wasAtRoot = false
  private records = 0
  private readonly positions = new Map<Identifier, WirePosition>()
  private readonly roots = new Map<Identifier, number>()

  private constructor(cluster: DecidingCluster) {
    this.cluster = cluster
  }

  static async start(): Promise<World> {
    const world = new World(await DecidingCluster.start(holders))
    for (const key of [browser, other])
      if (key !== undefined)
        await world.publish({ kind: 'event', key, ...common('first'), ...page })
    return world
  }

  async take(one: Step): Promise<void> {
    const { cluster } = this
    if (one.kind === 'settle') {
      await cluster.settle()
    } else if (one.kind === 'wait') {
      cluster.clock.advance(one.ms)
    } else if (one.kind === 'ask') {
      const key = identifierAt(one.of)
      this.learn(key, await cluster.askHome(decide([key])))
    } else {
      const record = this.recordOf(one)
      if (record !== undefined) await this.publish(record)
    }
  }

  private async publish(record: ChannelRecord): Promise<void> {
    const [position] = await this.cluster.publish(record)
    if (position) this.positions.set(record.key, position)
  }

  recordOf({ kind, of, other }: Deed): ChannelRecord | undefined {
    if ((kind === 'link' || kind === 'unlink') && other === of) return undefined
    const [lower, upper] = [identifierAt(Math.min(of, other)), identifierAt(Math.max(of, other))]
    const id = `r${++this.records}`
    const at = this.cluster.clock.now()
    const key = identifierAt(of)
    switch (kind) {
      case 'event':
        return { kind, id, key, at, ...page }
      case 'link':
        return { kind, id, key: lower, to: upper, at, strength: 'authenticated' }
      case 'unlink':
        return { kind, id, key: lower, to: upper, at }
      case 'logout':
        return { kind, id, key, at }
      case 'erase':
        return { kind, id, key, at, eraseId: id }
    }
  }

  pendingOf(deeds: readonly Deed[]): readonly Uint8Array[] {
    const records = deeds.flatMap((one) => this.recordOf(one) ?? [])
    this.cluster.clock.advance(1)
    return this.cluster.pendingOf(records.filter(({ kind }) => kind !== 'erase'))
  }

  /** Of each home the newest, as a client keeps them. */
  positionsOf(known: readonly Identifier[]): readonly WirePosition[] {
    const newest = new Map<number, WirePosition>()
    for (const one of known) {
      const position = this.positions.get(one)
      if (position && (newest.get(position[0])?.[2] ?? -1) < position[2])
        newest.set(position[0], position)
    }
    return [...newest.values()]
  }

  rootOf(known: readonly Identifier[]): number | undefined {
    return this.roots.get(greatestOf(known))
  }

  async askRoot(question: DecideQuestion, root: number | undefined): Promise<Answer> {
    const { cluster } = this
    if (root === undefined) return cluster.askHome(question)
    cluster.requests.length = 0
    const node = holders[root]?.[0]
    const home = holders[shardOf(greatestOf(question.identifiers), shards)]?.[0]
    const answer = await cluster.ask({ ...question, root }, node)
    this.wasAtRoot = cluster.requests.length === 0 && node !== home
    return answer
  }

  private learn(key: Identifier, answer: Answer): void {
    if (answer.kind !== 'decision') throw new Error(JSON.stringify(answer))
    const [shard] = answer.position
    if (shard === shardOf(key, shards)) this.roots.delete(key)
    else this.roots.set(key, shard)
  }
}

function greatestOf(known: readonly Identifier[]): Identifier {
  return greatest(known, builtInNamespaces) ?? identifierAt(0)
}

const page = { name: 'page', properties: {} }

function common(id: string): { id: string; at: number } {
  return { id, at: start }
}

function identifierAt(i: number): Identifier {
  const identifier = identifiers[i]
  if (identifier === undefined) throw new RangeError('no such identifier')
  return identifier
}
