import { join } from 'node:path'
import { isFields } from '@halfsecond/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs, realNatsServer } from '../../../../deploy/test/requirements.ts'
import { readConfig } from '../../../src/config.ts'
import { type RunningNode, startNode } from '../../../src/node.ts'
import { useServer } from '../../nats/server.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { execute } from '../support/command.ts'

const folder = scratchFolder()

async function start(nodeId: string, natsUrl?: string): Promise<RunningNode> {
  const free = { port: '0', adminPort: '0', logLevel: 'silent', shards: '4' }
  const flags = { ...free, nodeId, natsUrl, dataDir: join(folder, nodeId) }
  return startNode(readConfig({}, flags).config, { output: { write: () => {} } })
}

describe('a node alone', () => {
  let node: RunningNode
  let env: { HALFSECOND_ADMIN_URL: string }

  beforeAll(async () => {
    node = await start('solo')
    env = { HALFSECOND_ADMIN_URL: node.adminUrl }
  })

  afterAll(() => node.close())

  it('is a cluster of its own in status', async () => {
    // On a busy machine the log's last word may be older than a second.
    const output = await vi.waitFor(async () => {
      const status = await execute(['status'], { env })
      expect(status.output).toContain('4 of 4 shards have')
      return status.output
    }, 10_000)

    expect(output).toContain(`cluster: 1 of 1 node up, solo coordinates
  redundancy  4 of 4 shards have 1 caught-up replica
  logs        not known yet: looked at every 30 s
  moves       0 replicas being filled, 0 asked for
`)
  })

  it('is listed and shown with its shards', async () => {
    // On a busy machine a beat may be late, too.
    const nodes = await vi.waitFor(async () => {
      const listed = await execute(['node', 'ls'], { env })
      expect(listed.output).toMatch(/solo\* +up +4 +0 +0 +\d+ ms /)
      return listed
    }, 10_000)
    const one = await execute(['node', 'show', 'solo'], { env })
    const shards = await execute(['shard', 'ls'], { env })
    const shard = await vi.waitFor(async () => {
      const shown = await execute(['shard', 'show', '2'], { env })
      expect(shown.output).toContain('caught up')
      return shown
    }, 10_000)

    expect(nodes.output).toMatch(/^NODE +STATE +LEADS .*\nsolo\* +up +4 +0 +0 +\d+ ms +\d+ /)
    expect(one.output).toContain('solo: up, coordinates\n')
    expect(one.output).toContain('  leads      4: 0, 1, 2, 3\n')
    expect(shards.output.trimEnd().split('\n')).toHaveLength(5)
    expect(shard.output).toMatch(
      /^shard 2: solo leads in epoch 1; .*\n.*\n {2}solo +primary +caught up +\d+ +0 +\d+ +not compared yet\n$/,
    )
  })

  it('cannot be drained: nobody could take over', async () => {
    for (const action of ['drain', 'decommission']) {
      const { code, notes } = await execute(['node', action, 'solo', '--dry-run'], { env })

      expect(code).toBe(1)
      expect(notes).toMatch(/^INVALID: no other node can take over what solo holds.*--force/)
    }
  })

  it('says which nodes and shards there are where another is named', async () => {
    const commands = [
      ['node', 'show', 'n9'],
      ['node', 'drain', 'n9'],
      ['shard', 'show', '4'],
      ['shard', 'move', '4', '--to', 'solo'],
      ['shard', 'move', '1', '--to', 'n9'],
    ]

    const ended = await Promise.all(commands.map((args) => execute(args, { env })))

    expect(ended.map(({ notes }) => notes)).toEqual([
      'INVALID: no node "n9"; there are solo\n',
      'INVALID: no node "n9"; see halfsecond node ls\n',
      'INVALID: a shard is a number from 0 to 3\n',
      'INVALID: a shard is a number from 0 to 3\n',
      'INVALID: no node "n9"; see halfsecond node ls\n',
    ])
  })

  it('has nothing to balance, and remembers that it is paused', async () => {
    const plan = await execute(['rebalance', 'plan'], { env })
    await execute(['rebalance', 'cancel'], { env })
    const paused = await execute(['rebalance', 'status'], { env })
    const applied = await execute(['rebalance', 'apply'], { env })
    const status = await execute(['rebalance', 'status', '--json'], { env })

    expect(plan.output).toBe('nothing is to move\n')
    expect(paused.output).toMatch(/^paused: nothing moves for balance/)
    expect(applied).toMatchObject({ code: 0, output: 'balanced\n', notes: '0 changes left\n' })
    expect(JSON.parse(status.output)).toEqual({
      isPaused: false,
      moves: [],
      copies: 0,
      planned: [],
    })
  })
})

describe('two nodes', needs(realNatsServer), () => {
  const nats = useServer()
  const nodes: RunningNode[] = []
  const env = { HALFSECOND_ADMIN_URL: '' }

  beforeAll(async () => {
    for (const id of ['n1', 'n2']) nodes.push(await start(id, nats.server.url))
    env.HALFSECOND_ADMIN_URL = nodes[0]?.adminUrl ?? ''
    await whole()
  })

  afterAll(async () => {
    for (const node of nodes.reverse()) await node.close()
  })

  /** Every shard has a caught-up replica on both, and nothing is to move. */
  async function whole(): Promise<void> {
    await vi.waitFor(
      async () => {
        const [status, plan] = await Promise.all([
          execute(['status', '--json'], { env }),
          execute(['rebalance', 'plan', '--json'], { env }),
        ])
        const { cluster } = JSON.parse(status.output)
        expect(cluster.redundancy).toEqual({ wanted: 2, full: 4, reduced: 0, none: 0 })
        expect(JSON.parse(plan.output)).toEqual([])
      },
      { timeout: 40_000, interval: 200 },
    )
  }

  async function led(id: string): Promise<unknown> {
    const { output } = await execute(['node', 'ls', '--json'], { env })
    const all: unknown[] = JSON.parse(output)
    const node = all.filter(isFields).find((one) => one.id === id)
    return node?.primaries
  }

  it('let one be drained, step by step, and taken back', async () => {
    const dry = await execute(['node', 'drain', 'n2', '--dry-run'], { env })
    const drained = await execute(['node', 'drain', 'n2'], { env })

    expect(dry.output).toMatch(/^n2 would be drained: 2 shards would be led by others/)
    expect(drained.code).toBe(0)
    expect(drained.notes).toMatch(/n2: 0 shards left\n$/)
    expect(drained.output).toMatch(/^n2 leads nothing and can be restarted/)
    expect(await led('n1')).toBe(4)

    const second = await execute(['node', 'drain', 'n1'], { env })
    expect(second.notes).toMatch(/^INVALID: no other node can take over what n1 holds/)

    const back = await execute(['node', 'undrain', 'n2'], { env })
    expect(back.output).toBe('n2 takes shards again\n')
    await vi.waitFor(async () => expect(await led('n2')).toBe(2), {
      timeout: 20_000,
      interval: 200,
    })
    await whole()
  })

  it('let a shard be moved, until that is cancelled', async () => {
    const { output } = await execute(['shard', 'ls', '--json'], { env })
    const all: unknown[] = JSON.parse(output)
    const shard = all.filter(isFields).find(({ primary }) => primary === 'n2')?.shard
    const number = String(shard)

    const moved = await execute(['shard', 'move', number, '--to', 'n1'], { env })

    expect(moved).toMatchObject({ code: 0, output: `n1 leads shard ${number}\n` })
    const state = await execute(['rebalance', 'status'], { env })
    expect(state.output).toContain(`asked for: shard ${number} led by n1\n`)
    await execute(['rebalance', 'cancel'], { env })
    const plan = await execute(['rebalance', 'plan'], { env })
    expect(plan.output).toMatch(
      /^(nothing is to move|shard \d+ led by n2 instead of n1: balance)\n/,
    )
    await execute(['rebalance', 'apply'], { env })
    await whole()
  })

  it('let one be emptied for good, and fill it again when it is taken back', async () => {
    const gone = await execute(['node', 'decommission', 'n2', '--json'], { env })
    const shown = await execute(['node', 'show', 'n2'], { env })

    expect(JSON.parse(gone.output)).toMatchObject({ node: 'n2', intent: 'decommission', left: 0 })
    expect(shown.output).toMatch(
      /^n2: up, decommissioned\n.* {2}leads +none\n {2}stands by +none\n {2}fills +none\n$/s,
    )
    await execute(['node', 'undrain', 'n2'], { env })
    await whole()
  })

  it('show the same, whichever is asked', async () => {
    const of = async (i: number) => {
      const env = { HALFSECOND_ADMIN_URL: nodes[i]?.adminUrl }
      const all: unknown[] = JSON.parse((await execute(['node', 'ls', '--json'], { env })).output)
      return all.filter(isFields).map(({ id, primaries, standbys, isCoordinator }) => {
        return { id, primaries, standbys, isCoordinator }
      })
    }

    // The map moves on its own, and each node hears of it in its own time.
    await vi.waitFor(
      async () => {
        const first = await of(0)
        expect(first).toMatchObject([
          { id: 'n1', isCoordinator: true },
          { id: 'n2', primaries: 2 },
        ])
        expect(await of(1)).toEqual(first)
      },
      { timeout: 20_000, interval: 200 },
    )
  })
})
