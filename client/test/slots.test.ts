import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Slots } from '../src/slots.ts'

describe('slots', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  function takeMany(slots: Slots, count: number): { started: number[]; releases: (() => void)[] } {
    const started: number[] = []
    const releases: (() => void)[] = []
    for (let i = 0; i < count; i++) {
      slots.take((release) => {
        started.push(i)
        releases.push(release)
      })
    }
    return { started, releases }
  }

  it('let few run at once, and the others in turn as those end', () => {
    const { started, releases } = takeMany(new Slots(), 10)
    const atFirst = started.length

    releases[0]?.()
    releases[0]?.()
    releases[1]?.()

    expect(atFirst).toBeLessThan(10)
    expect(started).toEqual(Array.from({ length: atFirst + 2 }, (_, i) => i))
  })

  it('are not kept from others by what takes long', () => {
    const { started } = takeMany(new Slots(), 10)

    vi.advanceTimersByTime(100)

    expect(started).toHaveLength(10)
  })
})
