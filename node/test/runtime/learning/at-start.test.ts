import { expect, test, vi } from 'vitest'
import { MemoryModels } from '../../../src/memory/memory-models.ts'
import { Simulation } from '../../simulation/simulation.ts'

/** A look for models takes so long. */
const lookMs = 2_000

test('a node that comes back looks for what was learnt before it holds a shard', async () => {
  // Of each life of the node, the last of which counts.
  const lives: string[][] = []
  const simulation = new Simulation(
    { seed: 1, steps: [], faultsMs: 0, memoryBytes: 1024 ** 2 },
    {
      engine: (uses, node) => {
        if (node !== 'n0') return uses
        const order: string[] = []
        lives.push(order)
        const models = new MemoryModels(uses.clock)
        const newest = models.newest.bind(models)
        const follow = uses.log.follow.bind(uses.log)
        vi.spyOn(models, 'newest').mockImplementation(async () => {
          await new Promise<void>((resolve) => uses.clock.after(lookMs, resolve))
          order.push('looked')
          return newest()
        })
        vi.spyOn(uses.log, 'follow').mockImplementation((...args) => {
          order.push('followed')
          return follow(...args)
        })
        return { ...uses, models }
      },
    },
  )
  await simulation.start()

  const [node] = simulation.nodes
  node?.kill()
  node?.start()
  const isFollowing = () => lives[1]?.includes('followed') === true
  await simulation.expect(isFollowing, 30_000, 'that it follows a log')
  simulation.endAll()

  expect(lives[1]).toContain('followed')
  expect(lives[1]?.[0]).toBe('looked')
})
