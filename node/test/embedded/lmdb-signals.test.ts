import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LmdbSignals } from '../../src/embedded/lmdb-signals.ts'
import { ManualClock } from '../../src/memory/manual-clock.ts'
import { signalsSuite } from '../suites/signals-suite.ts'
import { filesWith } from '../support/files-with.ts'
import { scratchFolder } from '../support/scratch-folder.ts'

const folder = scratchFolder()
let opened = 0

function nextPath(): string {
  return join(folder, `signals-${opened++}`)
}

signalsSuite(
  'signals on LMDB',
  () => {
    const path = nextPath()
    const clock = new ManualClock(1_000)
    let signals = new LmdbSignals(path, clock)
    return Promise.resolve({
      signals,
      another: async () => {
        await signals.close()
        signals = new LmdbSignals(path, clock)
        return signals
      },
      close: () => signals.close(),
    })
  },
  { can: ['another'] },
)

describe('signals on LMDB', () => {
  it('drop the oldest where there are too many, and what is too old, and tell it by the cursors', async () => {
    const path = nextPath()
    const clock = new ManualClock(1_000)
    const bounds = { keptMax: 3, keptMs: 10_000 }
    const signals = new LmdbSignals(path, clock, bounds)

    await signals.publish(0, ['a', 'b'].map(of))
    await signals.publish(0, ['c', 'd'].map(of))
    const few = await signals.read(0, 10)
    clock.advance(10_000)
    await signals.publish(0, ['e'].map(of))
    await signals.close()
    const again = new LmdbSignals(path, clock, bounds)
    const young = await again.read(0, 10)
    await again.publish(0, ['f'].map(of))
    const both = await again.read(0, 10)
    await again.close()

    expect(few.map(({ cursor }) => cursor)).toEqual([2, 3, 4])
    expect(young).toEqual([{ cursor: 5, text: 'text of e' }])
    expect(both.map(({ cursor }) => cursor)).toEqual([5, 6])
  })

  it('are in no file once they are removed', async () => {
    const path = nextPath()
    const signals = new LmdbSignals(path, new ManualClock(1_000))
    await signals.publish(0, ['kept', 'secret'].map(of))
    const before = filesWith('text of secret', path)

    await signals.remove((text) => text.includes('secret'))
    await signals.publish(0, ['later'].map(of))
    await signals.close()
    const again = new LmdbSignals(path, new ManualClock(1_000))
    const left = await again.read(0, 10)
    await again.close()

    expect(before).toHaveLength(1)
    expect(filesWith('text of secret', path)).toEqual([])
    expect(left.map(({ cursor }) => cursor)).toEqual([1, 3])
  })

  it('take nothing once they are closed', async () => {
    const signals = new LmdbSignals(nextPath(), new ManualClock(1_000))
    await signals.close()

    await expect(signals.publish(0, ['a'].map(of))).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

function of(id: string): { readonly id: string; readonly text: string } {
  return { id, text: `text of ${id}` }
}
