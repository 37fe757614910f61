import {
  builtInNamespaces,
  type ChannelRecord,
  compareIdentifiers,
  type Identifier,
  parseIdentifier,
} from '@halfsecond/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { DecidingCluster } from '../../support/deciding-cluster.ts'
import { start } from '../../support/records.ts'

/** Names without limits among themselves: who is one person is what links connect, nothing else. */
const names = [
  'phone:+491',
  'phone:+492',
  'phone:+493',
  'email:a@x.de',
  'email:b@x.de',
  'email:c@x.de',
  'user:u',
]
const identifiers = names
  .map((name) => parseIdentifier(name))
  .sort((a, b) => compareIdentifiers(a, b, builtInNamespaces))

/** Each identifier has a trait of its own, so that a profile shows whom it is made of. */
const traits = identifiers.map((_, i) => `t${i}`)
const playbook = compilePlaybook(`
playbook: members
consent: { personalise: assumed }
traits: { ${traits.map((name) => `${name}: { type: string }`).join(', ')} }
profile: { call: [${traits.join(', ')}] }
placements: { hero: { channel: web, format: banner, fallback: none } }
`)

interface Change {
  readonly kind: 'link' | 'unlink'
  readonly lower: number
  readonly upper: number
}

const change: fc.Arbitrary<Change> = fc
  .record({
    kind: fc.constantFrom('link', 'link', 'unlink'),
    pair: fc.uniqueArray(fc.nat(identifiers.length - 1), { minLength: 2, maxLength: 2 }),
  })
  .map(({ kind, pair }) => {
    const [lower = 0, upper = 0] = [...pair].sort((a, b) => a - b)
    return { kind, lower, upper }
  })

interface History {
  readonly settled: readonly Change[]
  /** Acknowledged, and in no other shard yet. */
  readonly unsent: readonly Change[]
  /** Not acknowledged. */
  readonly pending: readonly Change[]
  readonly named: readonly number[]
}

const history: fc.Arbitrary<History> = fc.record({
  settled: fc.array(change, { maxLength: 14 }),
  unsent: fc.array(change, { maxLength: 3 }),
  pending: fc.array(change, { maxLength: 3 }),
  named: fc.uniqueArray(fc.nat(identifiers.length - 1), { minLength: 1, maxLength: 3 }),
})

const link = (lower: number, upper: number): Change => ({ kind: 'link', lower, upper })

/**
 * Entered at 3, which is tied to 4 by somebody below alone. A link that nobody was told of yet leads
 * straight to 5, where nothing that was collected says that 4 connects the two.
 */
const passingBy = { named: [3], unsent: [], pending: [] }
const pendingPastFour: History = {
  ...passingBy,
  settled: [link(0, 3), link(0, 4), link(0, 2)],
  pending: [link(2, 5)],
}
const unsentPastFour: History = {
  ...passingBy,
  settled: [link(1, 5), link(0, 4), link(0, 3)],
  unsent: [link(1, 4)],
}

/** Shards over three nodes, so that walks cross them. */
const holders = [[0], [1], [2], [0]]

test('a question is about all that links connect, pending ones included, wherever they are', async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ settled, pending, named }) => {
      const cluster = await DecidingCluster.start(holders, playbook)
      await cluster.publish(...identifiers.map(traitOf))
      const records = settled.map((one, i) => recordOf(one, i))
      await cluster.publish(...records)
      await cluster.settle()
      const late = pending.map((one, i) => recordOf(one, settled.length + i))
      const all = [...new Set([...named, ...pending.map(({ lower }) => lower)])]

      const found = await membersSeen(cluster, all, late)

      expect(found).toEqual(componentOf(all, [...settled, ...pending]))
    }),
    { numRuns: 2_000, examples: [[pendingPastFour]] },
  )
})

test('a question knows its own identifiers as they are now, whatever shards have yet to tell', async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ settled, unsent, named }) => {
      const cluster = await DecidingCluster.start(holders, playbook)
      await cluster.publish(...identifiers.map(traitOf))
      await cluster.publish(...settled.map((one, i) => recordOf(one, i)))
      await cluster.settle()
      const late = unsent.map((one, i) => recordOf(one, settled.length + i))
      const positions = await cluster.publish(...late)
      const all = [...new Set([...named, ...unsent.map(({ lower }) => lower)])]

      const found = await membersSeen(cluster, all, [], positions)

      expect(found).toEqual(componentOf(all, [...settled, ...unsent]))
    }),
    { numRuns: 2_000, examples: [[unsentPastFour]] },
  )
})

async function membersSeen(
  cluster: DecidingCluster,
  named: readonly number[],
  pending: readonly ChannelRecord[],
  positions: Awaited<ReturnType<DecidingCluster['publish']>> = [],
): Promise<readonly number[]> {
  const known = named.map(identifierAt)
  const answer = await cluster.askHome({
    kind: 'profile',
    identifiers: known,
    channel: 'call',
    traits,
    deadline: 400,
    positions,
    pending: pending.length === 0 ? [] : cluster.pendingOf(pending),
  })
  if (answer.kind !== 'profile') throw new Error(JSON.stringify(answer))
  expect(answer.freshness).toBe('fresh')
  return traits.flatMap((name, i) => (name in answer.traits ? [i] : []))
}

/** Who is connected to the greatest that was named, by union of links in their order. */
function componentOf(named: readonly number[], changes: readonly Change[]): readonly number[] {
  const valid = new Map<string, Change>()
  for (const one of changes) {
    const key = `${one.lower} ${one.upper}`
    if (one.kind === 'link') valid.set(key, one)
    else valid.delete(key)
  }
  const entered = Math.max(...named)
  const seen = new Set([entered])
  for (const id of seen) {
    for (const { lower, upper } of valid.values()) {
      if (lower === id) seen.add(upper)
      if (upper === id) seen.add(lower)
    }
  }
  return [...seen].sort((a, b) => a - b)
}

function traitOf(key: Identifier, i: number): ChannelRecord {
  return { kind: 'traits', id: `t${i}`, key, at: start, set: { [`t${i}`]: 'x' }, unset: [] }
}

/** The later ones are of later times, so the last word of each pair holds. */
function recordOf({ kind, lower, upper }: Change, i: number): ChannelRecord {
  const common = { id: `c${100 + i}`, key: identifierAt(lower), to: identifierAt(upper), at: start }
  return kind === 'link' ? { kind, ...common, strength: 'authenticated' } : { kind, ...common }
}

function identifierAt(i: number): Identifier {
  const identifier = identifiers[i]
  if (identifier === undefined) throw new RangeError('no such identifier')
  return identifier
}
