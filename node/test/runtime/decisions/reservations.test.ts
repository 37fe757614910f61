import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Exposure } from '../../../src/core/decision/decide.ts'
import { ManualClock } from '../../../src/memory/manual-clock.ts'
import {
  Reservations,
  reservedMs,
  reservedPerPersonMax,
} from '../../../src/runtime/decisions/reservations.ts'
import { anon, start } from '../../support/records.ts'

const ann = anon('ann')
const display = { display: true, grant: false }
const both = { display: true, grant: true }

function given(decision: string, offer = 'card', placement = 'hero') {
  return { decision, placement, offer }
}

function opened(max?: number) {
  const clock = new ManualClock(start)
  return { clock, reservations: new Reservations(clock, max) }
}

/** What counts for a decision, while the timeline knows of nothing. */
function exposed(reservations: Reservations, decision = 'other', root = ann): readonly Exposure[] {
  return reservations.of(new Set([root]), decision, () => false)
}

describe('what was given', () => {
  it('counts for other decisions of the person, and not for its own that is asked again', () => {
    const { reservations } = opened()
    reservations.reserve(ann, given('d1'), display)

    expect(exposed(reservations, 'd2')).toEqual([
      { placement: 'hero', offer: 'card', known: 'granted' },
    ])
    expect(exposed(reservations, 'd1')).toEqual([])
    expect(exposed(reservations, 'd2', anon('bob'))).toEqual([])
  })

  it('counts once, however often it is given by the same decision', () => {
    const { reservations } = opened()
    reservations.reserve(ann, given('d1'), display)
    reservations.reserve(ann, given('d1'), display)

    expect(exposed(reservations)).toHaveLength(1)
  })

  it('counts for a minute', () => {
    const { clock, reservations } = opened()
    reservations.reserve(ann, given('d1'), display)

    clock.advance(reservedMs - 1)
    expect(exposed(reservations)).toHaveLength(1)
    clock.advance(1)
    expect(exposed(reservations)).toEqual([])
  })

  it('does not count any more once the timeline shows it, and is not looked for again', () => {
    const { reservations } = opened()
    reservations.reserve(ann, given('d1'), display)

    expect(reservations.of(new Set([ann]), 'd2', () => true)).toEqual([])
    expect(exposed(reservations)).toEqual([])
  })

  it('counts as what is still to come: a display, a grant, or both', () => {
    const { reservations } = opened()
    const known = (what: 'display' | 'grant' | 'nothing', decision = 'd2') => {
      const [exposure] = reservations.of(
        new Set([ann]),
        decision,
        (_given, awaited) => awaited === what,
      )
      return exposure?.known
    }
    reservations.reserve(ann, given('d1'), both)

    expect(known('nothing')).toBe(undefined)
    expect(exposed(reservations)).toHaveLength(1)
    expect(known('grant')).toBe('granted')
    expect(known('nothing', 'd1')).toBe('repeated')
    expect(known('display')).toBe(undefined)
    expect(exposed(reservations)).toEqual([])
  })

  it('does not count where it was released', () => {
    const { reservations } = opened()
    reservations.reserve(ann, given('d1'), display)
    reservations.reserve(ann, given('d1', 'boots'), display)

    reservations.release(ann, given('d1'))

    expect(exposed(reservations).map(({ offer }) => offer)).toEqual(['boots'])
    expect(reservations.size).toBe(1)
  })

  it('is bounded per person and per node: the oldest goes first', () => {
    const { reservations } = opened(50)
    for (let i = 0; i < 40; i++) reservations.reserve(ann, given(`d${i}`, `o${i}`), display)
    const offers = exposed(reservations).map(({ offer }) => offer)
    expect(offers).toHaveLength(reservedPerPersonMax)
    expect(offers[0]).toBe('o8')

    for (let i = 0; i < 48; i++) reservations.reserve(anon(i), given('d', 'card'), display)

    expect(reservations.size).toBe(50)
    expect(exposed(reservations).map(({ offer }) => offer)).toEqual(['o38', 'o39'])
  })

  it('is exactly what was given within a minute, of whoever and in whatever order', () => {
    const step = fc.record({
      person: fc.nat(2),
      decision: fc.nat(5),
      offer: fc.constantFrom('a', 'b'),
      passMs: fc.nat(20_000),
      isRelease: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, reservations } = opened()
        let model: { person: number; decision: string; offer: string; at: number }[] = []
        for (const { person, decision: number, offer, passMs, isRelease } of steps) {
          clock.advance(passMs)
          const now = clock.monotonic()
          model = model.filter(({ at }) => now - at < reservedMs)
          const decision = `d${number}`
          const isThis = (one: (typeof model)[number]) =>
            one.person === person && one.decision === decision && one.offer === offer
          if (isRelease) {
            reservations.release(anon(person), given(decision, offer))
            model = model.filter((one) => !isThis(one))
          } else {
            reservations.reserve(anon(person), given(decision, offer), display)
            if (!model.some(isThis)) model.push({ person, decision, offer, at: now })
          }
          for (const one of [0, 1, 2])
            expect(exposed(reservations, 'd0', anon(one)).map((each) => each.offer)).toEqual(
              model
                .filter((each) => each.person === one && each.decision !== 'd0')
                .map((each) => each.offer),
            )
        }
      }),
    )
  })
})
