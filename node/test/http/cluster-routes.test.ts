import { describe, expect, it } from 'vitest'
import { FakeNode } from './support/fake-node.ts'
import { FakeOperations } from './support/fake-operations.ts'
import { get, post, startServer } from './support/running-server.ts'

async function serve() {
  const operations = new FakeOperations()
  const node = Object.assign(new FakeNode(), { operations })
  const { adminUrl, url } = await startServer(node)
  return { asked: operations.asked, cluster: `${adminUrl}/v1/cluster`, publicUrl: url }
}

describe('the cluster on the admin port', () => {
  it('is shown, and what is going to move', async () => {
    const { cluster } = await serve()

    expect((await get(cluster)).body).toMatchObject({ coordinator: 'n1', redundancy: { full: 4 } })
    expect((await get(`${cluster}/rebalance/plan`)).body).toEqual({
      moves: [{ shard: 1, what: 'lead', from: 'n1', to: 'n2', why: 'balance' }],
    })
  })

  it('takes nodes out of service and back, moves shards, and is told to balance or not', async () => {
    const { asked, cluster } = await serve()

    const drained = await post(`${cluster}/nodes/n1/drain`, {})
    await post(`${cluster}/nodes/n1/undrain`, {})
    await post(`${cluster}/nodes/n3/decommission`, { dryRun: true })
    const moved = await post(`${cluster}/shards/3/move`, { to: 'n2' })
    await fetch(`${cluster}/rebalance/cancel`, { method: 'POST' })
    await fetch(`${cluster}/rebalance/apply`, { method: 'POST' })

    expect(drained).toMatchObject({ status: 200, body: { node: 'n1', intent: 'drain' } })
    expect(moved).toMatchObject({ status: 200, body: { shard: 3, to: 'n2', dryRun: false } })
    expect(asked).toEqual([
      'n1 drain',
      'n1 serve',
      'n3 decommission, dry',
      'move 3 to n2',
      'cancel',
      'apply',
    ])
  })

  it('refuses what would be dangerous, unless forced', async () => {
    const { asked, cluster } = await serve()

    const refused = await post(`${cluster}/nodes/n2/drain`, {})
    const forced = await post(`${cluster}/nodes/n2/drain`, { force: true })

    expect(refused).toMatchObject({ status: 422, body: { detail: 'too few replicas' } })
    expect(forced.status).toBe(200)
    expect(asked).toEqual(['n2 drain'])
  })

  it('changes nothing for what it does not understand', async () => {
    const { asked, cluster } = await serve()

    const answers = await Promise.all([
      post(`${cluster}/nodes/n1/explode`, {}),
      post(`${cluster}/nodes/n1/drain`, { force: 'yes' }),
      post(`${cluster}/shards/x/move`, { to: 'n2' }),
      post(`${cluster}/shards/1/move`, {}),
    ])

    expect(answers.map(({ status }) => status)).toEqual([422, 422, 422, 422])
    expect(asked).toEqual([])
  })

  it('is not on the public port', async () => {
    const { publicUrl } = await serve()

    expect((await get(`${publicUrl}/v1/cluster`)).status).toBe(404)
    expect((await post(`${publicUrl}/v1/cluster/nodes/n1/drain`, {})).status).toBe(404)
  })
})
