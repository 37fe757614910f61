import { hash } from 'node:crypto'
import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { post } from '../http/support/running-server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()

function start(name: string): Promise<RunningNode> {
  const dataDir = join(folder, name)
  const flags = { port: '0', adminPort: '0', logLevel: 'silent', shards: '4', dataDir }
  return startNode(readConfig({}, flags).config, { output: { write: () => {} } })
}

let told = 0

async function tell(node: RunningNode, ...records: readonly object[]): Promise<void> {
  const numbered = records.map((record) => ({ ...record, id: `r${told++}` }))
  const { status, body } = await post(`${node.url}/v1/events`, { records: numbered })
  expect(status, JSON.stringify(body)).toBe(200)
}

interface Heard {
  readonly signal: unknown
  readonly profile: unknown
  readonly members: unknown
  readonly into?: unknown
}

async function read(node: RunningNode, after = 0): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${node.adminUrl}/v1/signals?after=${after}&limit=1000`)
  const answer: unknown = await response.json()
  const signals: unknown[] = isFields(answer) && Array.isArray(answer.signals) ? answer.signals : []
  return signals.filter(isFields)
}

/** What is heard of a profile, in order. */
async function heardOf(node: RunningNode, profile: string): Promise<Heard[]> {
  const signals = await read(node)
  return signals
    .filter((one) => one.profile === profile)
    .map(({ signal, members, into }) => ({
      signal,
      profile,
      members,
      ...(into !== undefined && { into }),
    }))
}

function link(key: string, to: string): object {
  return { kind: 'link', key, to, strength: 'authenticated' }
}

describe('other systems', () => {
  it('hear who was merged, split, reassigned and erased, in the order of each profile', async () => {
    const node = await start('story')
    try {
      await tell(node, link('anon:a', 'anon:z'))
      await vi.waitFor(async () => expect(await heardOf(node, 'anon:z')).toHaveLength(1), waiting)
      await tell(node, link('anon:a', 'user:ann'))
      await vi.waitFor(async () => expect(await heardOf(node, 'anon:z')).toHaveLength(2), waiting)
      const joined = new Set<unknown>()
      await vi.waitFor(async () => {
        for (const { members } of await heardOf(node, 'user:ann'))
          if (Array.isArray(members)) for (const member of members) joined.add(member)
        expect([...joined].sort()).toEqual(['anon:a', 'anon:z'])
      }, waiting)
      await tell(node, { kind: 'unlink', key: 'anon:a', to: 'anon:z' })
      await vi.waitFor(
        async () =>
          expect((await heardOf(node, 'user:ann')).at(-1)).toMatchObject({ signal: 'split' }),
        waiting,
      )
      await tell(node, { kind: 'erase', key: 'anon:z', eraseId: 'e1' })
      const nameless = `sha256:${hash('sha256', 'anon:z')}`
      await vi.waitFor(async () => expect(await heardOf(node, nameless)).toHaveLength(1), waiting)

      expect(await heardOf(node, 'anon:z')).toEqual([
        { signal: 'merged', profile: 'anon:z', members: ['anon:a'] },
        { signal: 'reassigned', profile: 'anon:z', members: ['anon:a'], into: 'user:ann' },
      ])
      const ofAnn = await heardOf(node, 'user:ann')
      expect(new Set(ofAnn.slice(0, -1).map(({ signal }) => signal))).toEqual(new Set(['merged']))
      expect(ofAnn.at(-1)).toMatchObject({ signal: 'split', members: ['anon:z'] })
      expect(await heardOf(node, nameless)).toEqual([
        { signal: 'erased', profile: nameless, members: [] },
      ])
      const signals = await read(node)
      expect(signals.map(({ cursor }) => cursor)).toEqual(signals.map((_, i) => i + 1))
      expect(new Set(signals.map(({ id }) => id)).size).toBe(signals.length)
    } finally {
      await node.close()
    }
  })

  it('miss nothing of what was told right before a node stopped, and get it once', async () => {
    const people = Array.from({ length: 100 }, (_, i) => i)
    let node = await start('restart')
    await Promise.all(people.map((i) => tell(node, link(`anon:p${i}`, `user:p${i}`))))
    await node.close()
    node = await start('restart')
    try {
      await vi.waitFor(async () => expect(await read(node)).toHaveLength(people.length), waiting)

      const heard = (await read(node)).map(({ signal, profile, members }) => [
        signal,
        profile,
        members,
      ])
      const expected = people.map((i) => ['merged', `user:p${i}`, [`anon:p${i}`]])
      expect(heard).toHaveLength(expected.length)
      expect(heard).toEqual(expect.arrayContaining(expected))
    } finally {
      await node.close()
    }
  })
})

const waiting = { timeout: 20_000, interval: 20 }
