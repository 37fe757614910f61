import { describe, expect, it } from 'vitest'
import { builtInConfiguration, identityText } from '../../../src/core/identity/rules.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import { MemoryCluster } from '../../../src/memory/memory-coordination.ts'
import { IdentityRegistry } from '../../../src/runtime/identity/identity-registry.ts'
import { QuietObserver } from '../../support/quiet-observer.ts'

const clock = new ManualClock()

/** A node that holds no shard; others have come as far as `elsewhere` says. */
function registryOn(cluster: MemoryCluster, elsewhere = () => Number.POSITIVE_INFINITY) {
  const registry = new IdentityRegistry({
    coordination: cluster.connect(),
    shards: [],
    leaders: () => [],
    tell: () => {},
    oldestElsewhere: elsewhere,
    clock,
    observer: new QuietObserver(),
  })
  return registry
}

function textOf(identity: string): string {
  return identityText({ ...builtInConfiguration, identity })
}

describe('versions of the identity configuration', () => {
  it('have one number each: of two who follow the same version, one is told to plan again', async () => {
    const shared = new MemoryCluster(clock)
    const one = registryOn(shared)
    const other = registryOn(shared)

    const first = await one.add(0, { text: textOf('one'), by: 'ann' })
    const second = other.add(0, { text: textOf('other'), by: 'bob' })

    expect(first).toMatchObject({ version: 1, identity: 'one', by: 'ann' })
    await expect(second).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('plan again'),
    })
    expect(other.current).toEqual(first)
  })

  it('are kept with who made them, and which they take up again', async () => {
    const shared = new MemoryCluster(clock)
    const registry = registryOn(shared)
    await registry.add(0, { text: textOf('one'), by: 'ann' })
    await registry.add(1, { text: textOf('one'), by: 'bob', reverts: 0 })

    const later = registryOn(shared)

    expect(await later.versions()).toMatchObject([
      { version: 2, by: 'bob', reverts: 0 },
      { version: 1, by: 'ann' },
    ])
    expect(later.current.version).toBe(2)
    expect(await later.at(0)).toMatchObject({ version: 0, identity: 'built-in' })
    expect(await later.at(3)).toBeUndefined()
  })

  it('are offered to clients once every shard takes them', async () => {
    let elsewhere = 0
    const registry = registryOn(new MemoryCluster(clock), () => elsewhere)
    const adding = registry.add(0, { text: textOf('one'), by: 'ann' })
    const told = expect(adding).rejects.toMatchObject({ code: 'TIMEOUT' })
    for (let second = 0; second < 10; second++) {
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(1_000)
    }
    await told

    const before = registry.offered
    elsewhere = 1

    expect(before).toBeUndefined()
    expect(registry.offered).toEqual([])
    await expect(registry.complete()).resolves.toMatchObject({ version: 1 })
  })
})
