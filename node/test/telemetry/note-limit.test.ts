import { describe, expect, it } from 'vitest'
import { NoteLimit } from '../../src/telemetry/note-limit.ts'

describe('NoteLimit', () => {
  it('passes five of a text in a window, and tells how many it held back when the next passes', () => {
    let now = 0
    const limit = new NoteLimit(() => now)

    const first = Array.from({ length: 8 }, () => limit.pass('again'))
    now = 10_000
    const next = limit.pass('again')

    expect(first).toEqual([0, 0, 0, 0, 0, undefined, undefined, undefined])
    expect(next).toBe(3)
    expect(limit.pass('again')).toBe(0)
  })

  it('keeps few texts, however many there are', () => {
    const limit = new NoteLimit(() => 0)

    for (let i = 0; i < 10_000; i++) expect(limit.pass(`text ${i}`)).toBe(0)
  })
})
