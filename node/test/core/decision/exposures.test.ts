import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { noon, Person } from './person.ts'

const playbook = compilePlaybook(`
playbook: exposures
consent: { personalise: assumed }
groups:
  sales: { limits: [{ on: display, max: 2, per: day, across: group }] }
placements:
  hero: { channel: web, format: banner, fallback: {} }
  side: { channel: web, format: banner, fallback: {} }
  list: { channel: call, format: banner, count: 3, fallback: {} }
  once: { channel: call, format: banner, count: 3, fallback: {}, limits: [{ on: display, max: 1, per: 1h }] }
offers:
  a: { group: sales, value: 9, treatments: { banner: {} }, limits: [{ on: display, max: 1, per: day, pause: 1h }] }
  b: { group: sales, value: 8, treatments: { banner: {} } }
  c: { group: sales, value: 7, treatments: { banner: {} } }
  d: { value: 1, treatments: { banner: {} } }
`)

function shown(placements: readonly string[], exposures: { placement: string; offer: string }[]) {
  return new Person(playbook)
    .decide(placements, noon, [], undefined, exposures)
    .map(({ propositions }) => propositions.map(({ offer }) => offer ?? 'default'))
}

describe('what an answer shows', () => {
  it('counts in the limits of what stands beside it', () => {
    expect(shown(['list'], [])).toEqual([['a', 'b', 'd']])
    expect(shown(['hero', 'side', 'list'], [])).toEqual([['a'], ['b'], ['d']])
  })

  it('counts in the limits of its placement', () => {
    expect(shown(['once'], [])).toEqual([['a']])
  })
})

describe('an exposure that is no display yet', () => {
  it('counts as one in each limit that a display of it would count in', () => {
    expect(shown(['hero'], [{ placement: 'side', offer: 'b' }])).toEqual([['a']])
    expect(shown(['hero'], [{ placement: 'hero', offer: 'a' }])).toEqual([['b']])
    const two = [
      { placement: 'side', offer: 'b' },
      { placement: 'side', offer: 'c' },
    ]
    expect(shown(['hero'], two)).toEqual([['d']])
    expect(shown(['once'], [{ placement: 'once', offer: 'd' }])).toEqual([['default']])
  })
})
