import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { runPlaybookTests } from '../../../src/playbook/playbook-tests.ts'
import { ZoneCalendar } from '../../../src/system/zone-calendar.ts'
import { dayMs, hourMs, minuteMs, noon, Person } from './person.ts'

const text = `
playbook: shop
consent: { personalise: assumed }
events:
  product_viewed: { name: string, category: string }
  cart_added: {}
  bought: { price: double }
traits: { zone: { type: string } }
placements:
  hero: { channel: web, format: banner, fallback: {} }
  side: { channel: web, format: tile, fallback: {} }
facts:
  considering: sequence("7d", step("product_viewed", 3, "10m"), step("cart_added"), without("bought", "90d"))
  evening: now.hour >= 18
offers:
  free-delivery: { when: considering, value: 2, treatments: { banner: {} } }
  seen-last:
    when: current("product_viewed")
    treatments:
      banner: { title: 'Still thinking about \${latest("product_viewed", "name")}?' }
  good-night: { when: evening, treatments: { tile: {} } }
  your-kind:
    when: distinct("product_viewed", "category", "30d") >= 2
    treatments: { tile: { title: 'More \${favourite("product_viewed", "category", "14d")}' } }
tests:
  - it: who looked three times and filled the cart gets free delivery
    given:
      - { visitor: "anon:a", event: product_viewed, name: Dome, category: tents, ago: 20m }
      - { visitor: "anon:a", event: product_viewed, name: Cone, category: tents, ago: 18m }
      - { visitor: "anon:a", event: product_viewed, name: Dome, category: tents, ago: 15m }
      - { visitor: "anon:a", event: cart_added, ago: 2m }
    then: [{ at: hero, offer: free-delivery }]
  - it: but not after buying
    given:
      - { visitor: "anon:a", event: bought, price: 80.0, ago: 60d }
      - { visitor: "anon:a", event: product_viewed, name: Dome, category: tents, ago: 20m }
      - { visitor: "anon:a", event: product_viewed, name: Cone, category: tents, ago: 18m }
      - { visitor: "anon:a", event: product_viewed, name: Dome, category: tents, ago: 15m }
      - { visitor: "anon:a", event: cart_added, ago: 2m }
    then: [{ at: hero, never: free-delivery }]
`
const playbook = compilePlaybook(text)

/** Three views within ten minutes, an hour ago. */
function viewer(): Person {
  const visitor = new Person(playbook)
  const viewed = (name: string, category: string, minutes: number) =>
    visitor.event('product_viewed', { name, category }, noon - hourMs + minutes * minuteMs)
  return visitor.fold(
    viewed('Dome', 'tents', 0),
    viewed('Mug', 'kitchen', 4),
    viewed('Cone', 'tents', 9),
  )
}

describe('rules on what a visitor did', () => {
  it('hold in the cases that the playbook promises', () => {
    expect(runPlaybookTests(text, new ZoneCalendar())).toMatchObject({ cases: 2, failures: [] })
  })

  it('see the click that is not in the log yet', () => {
    const visitor = viewer()
    const cart = visitor.event('cart_added', {}, noon)

    expect(visitor.shown('hero')).toEqual(['seen-last'])
    expect(visitor.shown('hero', noon, [cart])).toEqual(['free-delivery'])
    expect(visitor.shown('hero')).toEqual(['seen-last'])
  })

  it('put an event that comes late into its place', () => {
    const visitor = viewer()
    visitor.fold(visitor.event('cart_added', {}, noon - 2 * hourMs))
    expect(visitor.shown('hero')).toEqual(['seen-last'])

    visitor.fold(visitor.event('cart_added', {}, noon - 30 * minuteMs))
    expect(visitor.shown('hero')).toEqual(['free-delivery'])
  })

  it('hold no longer once their window is over', () => {
    const visitor = viewer()
    visitor.fold(visitor.event('cart_added', {}, noon - 30 * minuteMs))

    expect(visitor.shown('hero', noon + 6 * dayMs)).toEqual(['free-delivery'])
    expect(visitor.shown('hero', noon + 7 * dayMs)).toEqual(['fallback'])
  })

  it('fill in content with what they measured', () => {
    const contents = (placement: string) =>
      viewer()
        .decide([placement])
        .flatMap(({ propositions }) => propositions.map(({ content }) => content))

    expect(contents('hero')).toEqual([{ title: 'Still thinking about Cone?' }])
    expect(contents('side')).toEqual([{ title: 'More tents' }])
  })

  it('go by the clock where the visitor is', () => {
    const visitor = new Person(playbook)
    expect(visitor.shown('side')).toEqual(['fallback'])

    visitor.fold(visitor.traits({ zone: 'Asia/Tokyo' }))
    expect(visitor.shown('side')).toEqual(['good-night'])
  })
})
