import { type Identifier, parseIdentifier, shardOf } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { FeatureSet } from '../../src/core/features/feature-set.ts'
import { partOf } from '../../src/core/profile/copy.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { Engine } from '../../src/runtime/engine.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()
const nothing = new FeatureSet([], new Map(), new Map())

/** Copies go by the logs of other shards. */
const waiting = { timeout: 20_000, interval: 10 }

describe('fragments on several shards of a node', () => {
  let node: RunningNode

  beforeAll(async () => {
    const flags = { port: '0', adminPort: '0', logLevel: 'silent', shards: '4', dataDir: folder }
    node = await startNode(readConfig({}, flags).config, { output: { write: () => {} } })
  })

  afterAll(() => node.close())

  function fragmentOf(identifier: Identifier) {
    const { api } = node
    if (!(api instanceof Engine)) throw new Error('a node is an engine')
    const shards = api.cluster.holdings.byNumber
    return shards[shardOf(identifier, shards.length)]?.read(identifier)
  }

  function copiesAt(identifier: Identifier): { [id: string]: unknown } {
    const below = fragmentOf(identifier)?.ties?.below ?? new Map()
    const copies = [...below.values()].flatMap((one) => [...one.copies.values()])
    return Object.fromEntries(
      copies.map(({ id, bytes }) => [id, partOf(bytes, nothing).traits?.get('seen')?.value]),
    )
  }

  it('come together at the greatest, and stay there as they change', async () => {
    const user = parseIdentifier('user:u1')
    const browsers = Array.from({ length: 20 }, (_, i) => `b${i}`)

    await Promise.all(
      browsers.map(async (anon) => {
        const visitor = node.api.client.visitor({ anon })
        await visitor.setTraits({ seen: anon })
        await visitor.identify({ user: 'u1' })
      }),
    )

    const expected = Object.fromEntries(browsers.map((anon) => [`anon:${anon}`, anon]))
    await vi.waitFor(() => expect(copiesAt(user)).toEqual(expected), waiting)
    expect(fragmentOf(user)?.ties?.members.size).toBe(20)

    await node.api.client.visitor({ anon: 'b3' }).setTraits({ seen: 'again' })
    await vi.waitFor(
      () => expect(copiesAt(user)).toEqual({ ...expected, 'anon:b3': 'again' }),
      waiting,
    )
  })

  it('leave nothing in an outbox once others have it', async () => {
    await node.api.client.visitor({ anon: 'o1' }).identify({ user: 'u2' })
    const { api } = node
    if (!(api instanceof Engine)) throw new Error('a node is an engine')

    await vi.waitFor(
      () => expect(api.shards.map(({ state }) => state.outbox.size)).toEqual([0, 0, 0, 0]),
      waiting,
    )
  })
})
