import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { type RunningNode, startNode } from '../../src/node.ts'
import { execute } from '../cli/support/command.ts'
import { post } from '../http/support/running-server.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()

function start(name: string): Promise<RunningNode> {
  const dataDir = join(folder, name)
  const flags = { port: '0', adminPort: '0', logLevel: 'silent', shards: '4', dataDir }
  return startNode(readConfig({}, flags).config, { output: { write: () => {} } })
}

const playbook = `
playbook: shop
consent: { personalise: assumed }
events: { complaint: {}, complaint_solved: {} }
traits: { manager: { type: string } }
facts:
  complaining: count("complaint", "30d") > count("complaint_solved", "30d")
segments: [complaining]
triggers: [{ when: entered(complaining), at: email.top }]
placements:
  email.top: { channel: email, format: banner, token: 30d, fallback: { title: news } }
offers:
  manager:
    when: complaining
    limits: [{ on: display, max: 1, per: 7d }]
    treatments: { banner: { title: "\${traits.manager} will put it right" } }
`

let told = 0

async function tell(node: RunningNode, ...records: readonly object[]): Promise<void> {
  const numbered = records.map((record) => ({ ...record, id: `r${told++}` }))
  const { status, body } = await post(`${node.url}/v1/events`, { records: numbered })
  expect(status, JSON.stringify(body)).toBe(200)
}

function event(key: string, name: string): object {
  return { kind: 'event', key, name, properties: {} }
}

function link(key: string, to: string): object {
  return { kind: 'link', key, to, strength: 'authenticated' }
}

async function signals(node: RunningNode): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${node.adminUrl}/v1/signals?after=0&limit=1000`)
  const answer: unknown = await response.json()
  const all: unknown[] = isFields(answer) && Array.isArray(answer.signals) ? answer.signals : []
  return all.filter(isFields)
}

/** What is heard of segments, in order, as `profile signal segment`. */
async function heard(node: RunningNode): Promise<string[]> {
  return (await signals(node))
    .filter(({ segment }) => segment !== undefined)
    .map(({ profile, signal, segment }) => `${profile} ${signal} ${segment}`)
}

function waitFor(node: RunningNode, expected: readonly string[]): Promise<void> {
  return vi.waitFor(async () => expect(await heard(node)).toEqual(expected), waiting)
}

const waiting = { timeout: 20_000, interval: 20 }

describe('other systems', () => {
  it('hear once who enters and leaves a segment, and what entering it triggers', async () => {
    const node = await start('story')
    try {
      await node.api.publishPlaybook(playbook)
      await tell(
        node,
        { kind: 'traits', key: 'crm:991', set: { manager: 'Maya' }, unset: [] },
        event('crm:991', 'complaint'),
        event('crm:991', 'complaint'),
      )
      await waitFor(node, ['crm:991 entered complaining', 'crm:991 decision complaining'])
      await tell(node, event('crm:991', 'complaint_solved'), event('crm:991', 'complaint_solved'))
      const all = [
        'crm:991 entered complaining',
        'crm:991 decision complaining',
        'crm:991 left complaining',
      ]
      await waitFor(node, all)

      const decision = (await signals(node)).find(({ signal }) => signal === 'decision')
      expect(decision).toMatchObject({
        v: 1,
        profile: 'crm:991',
        segment: 'complaining',
        playbook: 1,
        placement: 'email.top',
        offer: 'manager',
        treatment: 'banner',
        content: { title: 'Maya will put it right' },
      })
      expect(node.api.tokenKeys.verify(String(decision?.token), Date.now())).toMatchObject({
        decision: decision?.decision,
        key: 'crm:991',
        offer: 'manager',
      })
    } finally {
      await node.close()
    }
  })

  it('hear nothing triggered where there is only default content to show', async () => {
    const node = await start('default')
    try {
      await node.api.publishPlaybook(playbook)
      // Without a manager's name the offer's content is unknown.
      await tell(node, event('crm:1', 'complaint'))
      await waitFor(node, ['crm:1 entered complaining'])
      await tell(node, event('crm:1', 'complaint_solved'))

      await waitFor(node, ['crm:1 entered complaining', 'crm:1 left complaining'])
    } finally {
      await node.close()
    }
  })

  it('hear what is triggered as often as its limits allow: what is sent counts as shown', async () => {
    const node = await start('limits')
    const maya = { kind: 'traits', key: 'crm:992', set: { manager: 'Maya' }, unset: [] }
    try {
      await node.api.publishPlaybook(playbook)
      await tell(node, maya, event('crm:992', 'complaint'))
      const first = ['crm:992 entered complaining', 'crm:992 decision complaining']
      await waitFor(node, first)
      await tell(node, event('crm:992', 'complaint_solved'))
      await waitFor(node, [...first, 'crm:992 left complaining'])
      await tell(node, event('crm:992', 'complaint'))
      const second = [...first, 'crm:992 left complaining', 'crm:992 entered complaining']
      await waitFor(node, second)
      await tell(node, event('crm:992', 'complaint_solved'))

      await waitFor(node, [...second, 'crm:992 left complaining'])
    } finally {
      await node.close()
    }
  })

  it('hear of the whole person: what a cookie did counts for the account it is linked to', async () => {
    const node = await start('person')
    try {
      await node.api.publishPlaybook(playbook)
      await tell(node, event('anon:a', 'complaint'))
      await waitFor(node, ['anon:a entered complaining'])
      await tell(node, link('anon:a', 'user:ann'))
      await waitFor(node, ['anon:a entered complaining', 'user:ann entered complaining'])
      expect((await signals(node)).at(-1)).toMatchObject({ members: ['anon:a'] })
      const { output } = await execute(['profile', 'get', 'anon:a', '--admin-url', node.adminUrl])
      expect(output).toContain('in segments: complaining')
      await tell(node, { kind: 'unlink', key: 'anon:a', to: 'user:ann' })

      await vi.waitFor(async () => {
        const lines = await heard(node)
        expect(lines.filter((one) => one.startsWith('anon:a'))).toEqual([
          'anon:a entered complaining',
          'anon:a entered complaining',
        ])
        expect(lines).toContain('user:ann left complaining')
        expect(lines).toHaveLength(4)
      }, waiting)
    } finally {
      await node.close()
    }
  })

  it('hear that somebody left who takes back their consent', async () => {
    const node = await start('consent')
    try {
      await node.api.publishPlaybook(playbook)
      await tell(node, event('crm:2', 'complaint'))
      await waitFor(node, ['crm:2 entered complaining'])
      await tell(node, { kind: 'consent', key: 'crm:2', purpose: 'personalise', granted: false })

      await waitFor(node, ['crm:2 entered complaining', 'crm:2 left complaining'])
    } finally {
      await node.close()
    }
  })

  it('hear that somebody was erased, and then nothing more of them', async () => {
    const node = await start('erase')
    try {
      await node.api.publishPlaybook(playbook)
      await tell(node, event('crm:3', 'complaint'), event('crm:4', 'complaint'))
      await vi.waitFor(async () => expect(await heard(node)).toHaveLength(2), waiting)
      await tell(node, { kind: 'erase', key: 'crm:3', eraseId: 'e1' })
      await tell(node, event('crm:4', 'complaint_solved'))
      await vi.waitFor(async () => {
        expect(await heard(node)).toContain('crm:4 left complaining')
        expect((await signals(node)).map(({ signal }) => signal)).toContain('erased')
      }, waiting)

      expect(await heard(node)).not.toContain('crm:3 left complaining')
    } finally {
      await node.close()
    }
  })

  it('hear by a new playbook who is in its segments, and who is in one no more that is gone', async () => {
    let node = await start('publish')
    try {
      await node.api.publishPlaybook(playbook)
      await tell(node, event('crm:5', 'complaint'))
      await waitFor(node, ['crm:5 entered complaining'])
      await node.close()
      node = await start('publish')
      await node.api.publishPlaybook(playbook.replaceAll('complaining', 'unhappy'))

      await vi.waitFor(async () => {
        const lines = await heard(node)
        expect(lines).toContain('crm:5 left complaining')
        expect(lines).toContain('crm:5 entered unhappy')
        expect(lines).toHaveLength(3)
      }, waiting)
    } finally {
      await node.close()
    }
  })
})
