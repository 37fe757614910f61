import { expect, test } from 'vitest'
import { foldVersion } from '../../src/core/shard/shard-state.ts'
import { encodeNodeRows, readNodeRows } from '../../src/runtime/cluster/messages.ts'
import type { Coordination, Revised } from '../../src/runtime/ports.ts'
import { Simulation } from './simulation.ts'

const schedule = { seed: 7, steps: [], faultsMs: 0, memoryBytes: 1_000_000 }
const late = 'n2'

/** The coordination, where one node says that it knows the rules before these only. */
class Agreed implements Coordination {
  readonly isShared = true
  private readonly inner: Coordination
  private readonly isOld: () => boolean

  constructor(inner: Coordination, isOld: () => boolean) {
    this.inner = inner
    this.isOld = isOld
  }

  async get(key: string): Promise<Revised | undefined> {
    const revised = await this.inner.get(key)
    return revised && { ...revised, value: this.told(key, revised.value) }
  }

  compareAndSet(key: string, value: Uint8Array, revision: number): Promise<boolean> {
    return this.inner.compareAndSet(key, this.told(key, value), revision)
  }

  putBlob(hash: string, bytes: Uint8Array): Promise<void> {
    return this.inner.putBlob(hash, bytes)
  }

  blob(hash: string): Promise<Uint8Array | undefined> {
    return this.inner.blob(hash)
  }

  private told(key: string, value: Uint8Array): Uint8Array {
    if (key !== 'nodes' || !this.isOld()) return value
    return encodeNodeRows(
      readNodeRows(value).map((row) =>
        row.id === late ? { ...row, foldVersion: foldVersion - 1 } : row,
      ),
    )
  }
}

test('no shard is folded by newer rules before the last node knows them, and then all are', async () => {
  let isOld = true
  const simulation = new Simulation(schedule, {
    engine: (uses) => ({ ...uses, coordination: new Agreed(uses.coordination, () => isOld) }),
  })
  const versions = () => simulation.truths.map(({ bare }) => bare.state.foldVersion)
  try {
    await simulation.start()
    await simulation.run(10_000)
    expect(new Set(versions())).toEqual(new Set([foldVersion - 1]))

    isOld = false
    const node = simulation.nodes.find(({ id }) => id === late)
    node?.kill()
    node?.start()
    await simulation.runUntil(() => versions().every((one) => one === foldVersion), 20_000)

    expect(new Set(versions())).toEqual(new Set([foldVersion]))
    expect(simulation.invariants.violations).toEqual([])
  } finally {
    simulation.endAll()
  }
})
