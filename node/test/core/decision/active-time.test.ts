import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { Person } from './person.ts'

function shownAt(now: string, offer: string, zone = 'UTC'): string[] {
  return person(offer, zone).shown('hero', Date.parse(now))
}

function person(offer: string, zone = 'UTC'): Person {
  return new Person(
    compilePlaybook(`
playbook: times
zone: ${zone}
consent: { personalise: assumed }
placements: { hero: { channel: web, format: banner, fallback: {} } }
offers: { a: { ${offer}, treatments: { banner: {} } } }
`),
  )
}

describe('an offer', () => {
  it('is shown from the instant at which it starts until before the one at which it ends', () => {
    const offer = 'starts: 2025-12-01T09:00:00Z, ends: 2025-12-24T18:00+02:00'

    expect(shownAt('2025-12-01T08:59:59.999Z', offer)).toEqual(['fallback'])
    expect(shownAt('2025-12-01T09:00:00Z', offer)).toEqual(['a'])
    expect(shownAt('2025-12-24T15:59:59.999Z', offer)).toEqual(['a'])
    expect(shownAt('2025-12-24T16:00:00Z', offer)).toEqual(['fallback'])
  })

  it.each([
    ['Europe/London', '2025-11-30T23:59:59.999Z', '2025-12-24T23:59:59.999Z'],
    ['America/New_York', '2025-12-01T04:59:59.999Z', '2025-12-25T04:59:59.999Z'],
    ['Pacific/Kiritimati', '2025-11-30T09:59:59.999Z', '2025-12-24T09:59:59.999Z'],
    ['Pacific/Pago_Pago', '2025-12-01T10:59:59.999Z', '2025-12-25T10:59:59.999Z'],
  ])('starts and ends with days of the zone %s', (zone, lastBefore, last) => {
    const offer = 'starts: 2025-12-01, ends: 2025-12-24'
    const next = (instant: string) => new Date(Date.parse(instant) + 1).toISOString()

    expect(shownAt(lastBefore, offer, zone)).toEqual(['fallback'])
    expect(shownAt(next(lastBefore), offer, zone)).toEqual(['a'])
    expect(shownAt(last, offer, zone)).toEqual(['a'])
    expect(shownAt(next(last), offer, zone)).toEqual(['fallback'])
  })

  it('starts where a day begins late because the clock skips midnight', () => {
    // In Havana the clock went from 0:00 to 1:00 on that day.
    expect(shownAt('2025-03-09T04:59:59.999Z', 'starts: 2025-03-09', 'America/Havana')).toEqual([
      'fallback',
    ])
    expect(shownAt('2025-03-09T05:00:00Z', 'starts: 2025-03-09', 'America/Havana')).toEqual(['a'])
  })

  it('that has not started, or has ended, is told as such', () => {
    const visitor = person('starts: 2025-12-01')

    const [explanation] = visitor.explain(['hero'], Date.UTC(2025, 10, 1))

    expect(explanation?.candidates[0]).toMatchObject({
      verdict: 'inactive',
      reason: 'shown from 2025-12-01T00:00:00.000Z only',
    })
    expect(explanation?.sentence).toBe(
      'At hero you see what everybody sees: the only offer, a, has its time before or after this.',
    )
  })
})
