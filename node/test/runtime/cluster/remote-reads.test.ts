import {
  builtInNamespaces,
  fragmentIdOf,
  HalfsecondError,
  parseIdentifier,
  subjects,
} from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import type { ClusterMap } from '../../../src/core/cluster/cluster-map.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryStore } from '../../../src/memory/memory-store.ts'
import { ControlDoor } from '../../../src/runtime/cluster/control.ts'
import { RemoteReads } from '../../../src/runtime/cluster/remote-reads.ts'
import type { ReadRequest } from '../../../src/runtime/reads.ts'

const identifier = parseIdentifier('anon:v1')
const profile: ReadRequest = { what: 'profile', identifier }
const everything: ReadRequest = { what: 'export', shard: 0 }

type Read = (request: ReadRequest) => AsyncIterable<Uint8Array>

/** Pieces of bytes that differ all along, so that none can be lost or doubled unseen. */
function pieces(count: number, bytes: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    Uint8Array.from({ length: bytes }, (_, j) => (i * 31 + j) % 251),
  )
}

async function* gives(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

async function* fails(error: Error, ...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
  throw error
}

/** The node `n1`, which asks, and others as far as they are up. One shard; n2 leads it, n3 stands by. */
class Cluster {
  readonly clock = new ManualClock()
  /** Requests, as `n2`. */
  readonly asked: string[] = []
  /** Called before a request arrives: what it throws is its end. */
  lose: (node: string, count: number) => void = () => {}
  /** Called before an answer arrives. */
  loseAnswer: (node: string, count: number) => void = () => {}
  private readonly doors = new Map<string, ControlDoor>()

  add(node: string, read: Read): this {
    const { clock } = this
    const store = new MemoryStore()
    const shard = () => undefined
    const rooms = () => new Map()
    const door = new ControlDoor({
      store,
      shard,
      clock,
      read,
      rooms,
      stagePlaybook: () => Promise.reject(new Error('nothing is staged here')),
      erase: () => Promise.reject(new Error('nothing is erased here')),
      namespaces: () => builtInNamespaces,
    })
    this.doors.set(subjects.control(node), door)
    return this
  }

  reads(read: Read = () => gives(), isHere = false): RemoteReads {
    const shards = [isHere ? { status: 'following' as const } : undefined]
    const entry = {
      incarnation: 1,
      primary: 'n2',
      standbys: ['n3'],
      warming: [],
      epoch: 1,
      boot: '',
    }
    const map: ClusterMap = { epoch: 1, nodes: ['n1', 'n2', 'n3'], namespaces: [], shards: [entry] }
    const request = async (subject: string, bytes: Uint8Array) => {
      const node = subject.split('.')[2] ?? ''
      this.asked.push(node)
      const count = this.asked.filter((one) => one === node).length
      const door = this.doors.get(subject)
      if (door === undefined) throw new HalfsecondError('UNAVAILABLE', 'nobody serves it')
      this.lose(node, count)
      const answer = await door.answer(bytes)
      this.loseAnswer(node, count)
      return answer
    }
    return new RemoteReads({ node: 'n1', shards, map: () => map, bus: { request }, read })
  }
}

async function all(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = []
  for await (const part of parts) found.push(part)
  return Buffer.concat(found)
}

const late = new HalfsecondError('TIMEOUT', 'no answer')

describe('what is asked about a visitor', () => {
  it('is answered here where the shard is here', async () => {
    const cluster = new Cluster()

    const answer = await all(cluster.reads(() => gives(Buffer.from('own')), true).read(profile))

    expect(answer.toString()).toBe('own')
    expect(cluster.asked).toEqual([])
  })

  it('is done by the primary alone where it has to lead, also where the shard is here', async () => {
    const judge: ReadRequest = { what: 'identityJudge', shard: 0, version: 3 }
    const requests: ReadRequest[] = []
    const cluster = new Cluster().add('n2', (request) => {
      requests.push(request)
      return gives(Buffer.from('{}'))
    })

    await all(cluster.reads(() => gives(Buffer.from('own')), true).read(judge))
    const alone = new Cluster().add('n3', () => gives(Buffer.from('{}')))
    const answer = all(alone.reads(() => gives(Buffer.from('own')), true).read(judge))

    expect(requests).toEqual([judge])
    await expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(alone.asked).toEqual(['n2'])
  })

  it('comes in parts also where little is found: those who wait get a sign of life', async () => {
    const cluster = new Cluster()
    cluster.add('n2', async function* () {
      for (let second = 0; second < 20; second++) {
        cluster.clock.advance(1_000)
        yield Buffer.from('\n')
      }
      yield Buffer.from('{"a":1}')
    })

    const answer = await all(cluster.reads().read(profile))

    expect(answer.toString().trim()).toBe('{"a":1}')
    expect(cluster.asked.length).toBeGreaterThan(10)
  })

  it('comes from the primary, as it was asked', async () => {
    const requests: ReadRequest[] = []
    const cluster = new Cluster().add('n2', (request) => {
      requests.push(request)
      return gives(Buffer.from('{"a":1}'))
    })
    const why: ReadRequest = { what: 'why', identifier, placements: ['home', 'desk'] }
    const reads = cluster.reads()

    expect((await all(reads.read(profile))).toString()).toBe('{"a":1}')
    await all(reads.read(why))
    await all(reads.read({ what: 'why', identifier, placements: undefined }))
    await all(reads.read({ what: 'profile', identifier: fragmentIdOf(identifier, 2), newest: 5 }))
    await all(reads.read({ what: 'conflicts', shard: 0 }))
    await all(reads.read({ what: 'statistics', shard: 0 }))
    expect(requests).toEqual([
      profile,
      why,
      { what: 'why', identifier },
      { what: 'profile', identifier: fragmentIdOf(identifier, 2), newest: 5 },
      { what: 'conflicts', shard: 0 },
      { what: 'statistics', shard: 0 },
    ])
    expect(cluster.asked).toEqual(Array(6).fill('n2'))
  })

  it('is nothing where nothing is known', async () => {
    const cluster = new Cluster().add('n2', () => gives())

    expect(await all(cluster.reads().read(profile))).toHaveLength(0)
  })

  it.each([
    ['is gone', undefined],
    ['does not hold the shard any more', new HalfsecondError('MOVED', 'not here')],
  ])('comes from a standby where the primary %s', async (_what, error) => {
    const cluster = new Cluster().add('n3', () => gives(Buffer.from('standby')))
    if (error) cluster.add('n2', () => fails(error))

    expect((await all(cluster.reads().read(profile))).toString()).toBe('standby')
    expect(cluster.asked).toEqual(['n2', 'n3'])
  })

  it('is refused as the node that holds it refuses', async () => {
    const unknown = new HalfsecondError('UNKNOWN_PLACEMENT', 'no such placement')
    const cluster = new Cluster().add('n2', () => fails(unknown))

    await expect(all(cluster.reads().read(profile))).rejects.toMatchObject({
      code: 'UNKNOWN_PLACEMENT',
      message: 'no such placement',
    })
    expect(cluster.asked).toEqual(['n2'])
  })

  it('is UNAVAILABLE where nobody who holds it answers', async () => {
    await expect(all(new Cluster().reads().read(profile))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
  })
})

describe('a long answer', () => {
  const parts = pieces(5, 300_001)

  it('comes whole, in parts that a message can carry', async () => {
    const cluster = new Cluster().add('n2', () => gives(...parts))

    const answer = await all(cluster.reads().read(everything))

    expect(answer.equals(Buffer.concat(parts))).toBe(true)
    // 1,500,005 bytes are 2 full parts and a last one; then the answer is ended.
    expect(cluster.asked).toHaveLength(4)
  })

  it.each(['lose', 'loseAnswer'] as const)(
    'has no gap where a part gets lost (%s)',
    async (what) => {
      const cluster = new Cluster().add('n2', () => gives(...parts))
      cluster[what] = (_node, count) => {
        if (count === 2) throw late
      }

      const answer = await all(cluster.reads().read(everything))

      expect(answer.equals(Buffer.concat(parts))).toBe(true)
    },
  )

  it('breaks off where its node fails in the middle: another one would begin anew', async () => {
    const cluster = new Cluster()
      .add('n2', () => fails(new Error('disk gone'), ...parts))
      .add('n3', () => gives(...parts))

    await expect(all(cluster.reads().read(everything))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/^n2 broke off its answer: .*disk gone/),
    })
    expect(cluster.asked).not.toContain('n3')
  })

  it('is dropped where nobody asks for the rest', async () => {
    let isClosed = false
    const cluster = new Cluster().add('n2', async function* () {
      try {
        yield* parts
      } finally {
        isClosed = true
      }
    })
    cluster.lose = (_node, count) => {
      if (count > 1) throw late
    }
    const reading = cluster.reads().read(everything)
    await reading.next()
    await reading.return(undefined)

    cluster.clock.advance(29_000)
    expect(isClosed).toBe(false)
    cluster.clock.advance(2_000)
    await new Promise(setImmediate)
    expect(isClosed).toBe(true)
  })

  it('ends at its source when whoever asked has seen enough', async () => {
    let isClosed = false
    const cluster = new Cluster().add('n2', async function* () {
      try {
        yield* parts
      } finally {
        isClosed = true
      }
    })

    for await (const _ of cluster.reads().read(everything)) break
    await new Promise(setImmediate)

    expect(isClosed).toBe(true)
  })

  it('waits its turn where the node gives many already', async () => {
    const cluster = new Cluster().add('n2', () => gives(...parts))
    const reads = cluster.reads()
    const open = Array.from({ length: 16 }, () => reads.read(everything))
    for (const one of open) await one.next()

    await expect(reads.read(everything).next()).rejects.toMatchObject({ code: 'OVERLOADED' })
    for (const one of open) await one.return(undefined)
    await new Promise(setImmediate)
    expect((await reads.read(everything).next()).done).toBe(false)
  })
})
