import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { hourMs, minuteMs, noon, Person } from './person.ts'

function person(channels: string, zone = 'UTC'): Person {
  return new Person(
    compilePlaybook(`
playbook: gates
zone: ${zone}
consent: { personalise: assumed }
traits: { smsAllowed: { type: bool } }
channels: { ${channels} }
placements:
  text: { channel: sms, format: line, fallback: { say: Hello } }
  hero: { channel: web, format: line, fallback: { say: Hello } }
offers:
  boots: { treatments: { line: { say: Boots } } }
`),
  )
}

const midnight = noon - 12 * hourMs

describe('quiet hours', () => {
  it('leave default content to every placement of their channel, and to no other', () => {
    const visitor = person('sms: { quiet: "10:00-13:00" }')

    expect(visitor.shown('text')).toEqual(['fallback'])
    expect(visitor.shown('hero')).toEqual(['boots'])
  })

  it.each([
    ['21:00-08:00', 20 * 60 + 59, 'boots'],
    ['21:00-08:00', 21 * 60, 'fallback'],
    ['21:00-08:00', 0, 'fallback'],
    ['21:00-08:00', 7 * 60 + 59, 'fallback'],
    ['21:00-08:00', 8 * 60, 'boots'],
    ['12:30-14:15', 12 * 60 + 29, 'boots'],
    ['12:30-14:15', 12 * 60 + 30, 'fallback'],
    ['12:30-14:15', 14 * 60 + 14, 'fallback'],
    ['12:30-14:15', 14 * 60 + 15, 'boots'],
  ])('of %s at minute %i of the day show %s', (quiet, minute, shown) => {
    const visitor = person(`sms: { quiet: "${quiet}" }`)

    expect(visitor.shown('text', midnight + minute * minuteMs)).toEqual([shown])
  })

  it('are those where the visitor is', () => {
    const visitor = person('sms: { quiet: "21:00-08:00" }', 'America/New_York')

    expect(visitor.shown('text', noon)).toEqual(['boots'])
    expect(visitor.shown('text', noon - minuteMs)).toEqual(['fallback'])
    visitor.fold(visitor.traits({ zone: 'Asia/Kolkata' }, noon - hourMs))
    expect(visitor.shown('text', noon)).toEqual(['boots'])
    expect(visitor.shown('text', noon + 3.5 * hourMs)).toEqual(['fallback'])
  })

  it('are told by why, of every candidate', () => {
    const [explanation] = person('sms: { quiet: "10:00-13:00" }').explain(['text'])

    expect(explanation?.sentence).toBe(
      'At text you see what everybody sees, because you are not disturbed at this time of day.',
    )
    expect(explanation?.candidates).toEqual([
      {
        offer: 'boots',
        treatment: 'line',
        verdict: 'quiet',
        reason: 'the channel has quiet hours, 10:00-13:00 where the visitor is',
      },
    ])
  })
})

describe('the condition of a channel', () => {
  it('lets nothing through unless it holds; what is unknown does not', () => {
    const visitor = person('sms: { when: traits.smsAllowed }')

    expect(visitor.shown('text')).toEqual(['fallback'])
    visitor.fold(visitor.traits({ smsAllowed: false }))
    expect(visitor.shown('text')).toEqual(['fallback'])
    visitor.fold(visitor.traits({ smsAllowed: true }, noon + 1))
    expect(visitor.shown('text', noon + 1)).toEqual(['boots'])
  })

  it('is told by why with what it looked at', () => {
    const visitor = person('sms: { when: traits.smsAllowed }')

    const unknown = visitor.explain(['text'])[0]
    const refused = visitor.fold(visitor.traits({ smsAllowed: false })).explain(['text'])[0]

    expect(unknown?.sentence).toBe(
      'At text you see what everybody sees, because you are not to be reached this way: sms allowed is not known.',
    )
    expect(unknown?.candidates[0]).toMatchObject({
      verdict: 'channel',
      reason: 'the channel needs: traits.smsAllowed is unknown',
    })
    expect(refused?.sentence).toBe(
      'At text you see what everybody sees, because you are not to be reached this way: not sms allowed.',
    )
    expect(refused?.candidates[0]?.reason).toBe('the channel needs: traits.smsAllowed is false')
  })
})
