import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { HalfsecondError } from '@halfsecond/protocol'
import { describe, expect, it } from 'vitest'
import { AdminClient } from '../../src/cli/admin-client.ts'
import { type JoinedRequest, readFramed } from '../../src/cli/joined-decisions.ts'
import {
  encodeJoined,
  Frames,
  type JoinedDecision,
  joinedIn,
} from '../../src/core/learning/joined.ts'
import { FakeNode } from '../http/support/fake-node.ts'
import { startServer } from '../http/support/running-server.ts'
import { JoinedWorld } from '../runtime/learning/joined-world.ts'
import { anon, start } from '../support/records.ts'
import { scratchFolder } from '../support/scratch-folder.ts'
import { execute } from './support/command.ts'

const folder = scratchFolder()
const hour = 3_600_000
const never = new AbortController().signal

/** Some decisions, every second one with a display. */
async function decided(count: number): Promise<JoinedDecision[]> {
  const world = await JoinedWorld.start()
  for (let i = 0; i < count; i++) {
    const decision = await world.decide(anon(i))
    if (i % 2 === 0) await world.tell(anon(i), decision, 'display', start + 1)
  }
  return world.read()
}

/** Gives pieces of so many bytes, and breaks off after so many of them, each time but the last. */
class BreakingAdmin {
  readonly paths: string[] = []
  private readonly bytes: Uint8Array
  private readonly breaks: number[]

  constructor(all: readonly JoinedDecision[], breaks: readonly number[]) {
    this.bytes = Buffer.concat(all.map(encodeJoined))
    this.breaks = [...breaks]
  }

  async stream(path: string): Promise<AsyncIterable<Uint8Array>> {
    this.paths.push(path)
    return this.pieces(this.breaks.shift())
  }

  private async *pieces(left = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
    for (let at = 0, given = 0; at < this.bytes.length; at += 777) {
      if (given++ === left) throw new TypeError('terminated')
      yield this.bytes.subarray(at, at + 777)
    }
  }
}

async function* readJoined(
  admin: Pick<AdminClient, 'stream'>,
  request: JoinedRequest,
): AsyncGenerator<JoinedDecision> {
  for await (const { bytes } of readFramed(admin, request))
    for (const value of new Frames().take(bytes)) yield joinedIn(value)
}

/** What was written to a file. */
async function* readJoinedFile(path: string): AsyncGenerator<JoinedDecision> {
  const frames = new Frames()
  for await (const piece of createReadStream(path))
    for (const value of frames.take(piece)) yield joinedIn(value)
  expect(frames.isBetween).toBe(true)
}

async function all(source: AsyncIterable<JoinedDecision>): Promise<JoinedDecision[]> {
  const found: JoinedDecision[] = []
  for await (const { entry, outcomes } of source) found.push({ entry: entry.slice(), outcomes })
  return found
}

describe('decisions read by way of a node', () => {
  it('come whole and once each, however often the answer breaks off', {
    timeout: 20_000,
  }, async () => {
    const made = await decided(60)
    const admin = new BreakingAdmin(made, [3, 7])

    const read = await all(readJoined(admin, { since: start, until: start + hour, signal: never }))

    expect(read.map(encodeJoined)).toEqual(made.map(encodeJoined))
    expect(new Set(admin.paths)).toEqual(
      new Set([
        '/v1/decisions?since=2015-05-15T10%3A00%3A00.000Z&until=2015-05-15T11%3A00%3A00.000Z',
      ]),
    )
    expect(admin.paths).toHaveLength(3)
  })

  it('are passed on as they came, byte for byte, in whole frames', async () => {
    const made = await decided(30)
    const admin = new BreakingAdmin(made, [4])
    const pieces: Uint8Array[] = []
    let decisions = 0

    const range = { since: start, until: start + hour, signal: never }
    for await (const { bytes, count } of readFramed(admin, range)) {
      expect([...new Frames().take(bytes)]).toHaveLength(count)
      pieces.push(bytes.slice())
      decisions += count
    }

    expect(decisions).toBe(30)
    expect(Buffer.concat(pieces)).toEqual(Buffer.concat(made.map(encodeJoined)))
  })

  it('are asked for in windows that follow each other, longer ones where there are few', async () => {
    const admin = new BreakingAdmin([], [])
    const shares: number[] = []

    const until = start + 7 * 24 * hour
    const onProgress = (share: number) => shares.push(share)
    await all(readJoined(admin, { since: start, until, signal: never, onProgress }))

    const windows = admin.paths.map((path) => {
      const query = new URLSearchParams(path.split('?')[1])
      return [query.get('since') ?? '', query.get('until') ?? ''] as const
    })
    windows.reduce((end, [since, next]) => {
      expect(since).toBe(end)
      return next
    }, new Date(start).toISOString())
    expect(windows.at(-1)?.[1]).toBe(new Date(until).toISOString())
    expect(windows.length).toBeLessThan(8)
    expect(shares.at(-1)).toBe(1)
  })

  it('end at once where no node answers, or with what is no decision', async () => {
    const range = { since: start, until: start + hour, signal: never }
    const nobody = new AdminClient('http://127.0.0.1:9')
    const other = {
      stream: async () =>
        (async function* () {
          yield Buffer.alloc(64, 255)
        })(),
    }

    await expect(all(readJoined(nobody, range))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(all(readJoined(other, range))).rejects.toMatchObject({ code: 'MALFORMED' })
  })

  it('go to a file, and come back as they were', async () => {
    const node = new FakeNode()
    node.decided = await decided(50)
    const { adminUrl } = await startServer(node)
    const out = join(folder, 'decisions.bin')

    const args = ['decisions', 'export', '--since', '1h', '--placement', 'hero', '--out', out]
    const { code, notes } = await execute([...args, '--admin-url', adminUrl])

    expect({ code, notes }).toEqual({ code: 0, notes: '50 decisions\n' })
    expect((await all(readJoinedFile(out))).map(encodeJoined)).toEqual(
      node.decided.map(encodeJoined),
    )
    expect(node.ranges).toMatchObject([{ placements: ['hero'] }])
  })

  it('leave no file where they break off, or where the time is none', async () => {
    const node = new FakeNode()
    node.failure = new HalfsecondError('UNAVAILABLE', 'gone')
    const { adminUrl } = await startServer(node)
    const out = join(folder, 'none.bin')
    const args = ['decisions', 'export', '--out', out, '--admin-url', adminUrl]

    const broken = await execute(args)
    const wrong = await execute([...args, '--since', 'yesterday'])

    expect(broken).toMatchObject({ code: 1, notes: expect.stringMatching(/^UNAVAILABLE: /) })
    expect(wrong).toMatchObject({ code: 1, notes: expect.stringMatching(/^INVALID: --since is/) })
    await expect(all(readJoinedFile(out))).rejects.toThrow(/ENOENT/)
  })
})
