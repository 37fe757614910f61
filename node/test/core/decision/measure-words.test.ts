import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { hourMs, minuteMs, noon, Person } from './person.ts'

const head = `
playbook: shop
zone: Europe/London
consent: { personalise: assumed }
events: { viewed: { category: string }, cart_added: {}, bought: { price: double } }
placements: { hero: { channel: web, format: banner, fallback: {} } }
offers: { tent: { treatments: { banner: {} }, when: '`

/** Why the only offer is shown or not, to somebody who looked at two tents, filled a cart and paid. */
function sentenceFor(condition: string): string | undefined {
  const visitor = new Person(compilePlaybook(`${head}${condition}' } }`))
  visitor.fold(
    visitor.event('viewed', { category: 'tents' }, noon - 2 * hourMs),
    visitor.event('viewed', { category: 'tents' }, noon - 20 * minuteMs),
    visitor.event('cart_added', {}, noon - 10 * minuteMs),
    visitor.event('bought', { price: 20 }, noon - 5 * minuteMs),
  )
  return visitor.explain(['hero'])[0]?.sentence.replace(/^.*because /, '')
}

describe('why names what a rule measured', () => {
  it.each([
    [
      'sum("bought", "price", "30d") >= 20',
      'the sum of price of bought in the last 30 days is 20.',
    ],
    ['min("bought", "price", "1d") < 30', 'the least price of bought in the last day is 20.'],
    [
      'max("bought", "price", "1m") < 30',
      'the greatest price of bought in the last minute is not known yet.',
    ],
    [
      'distinct("viewed", "category", "2d") > 1',
      'the number of different category of viewed in the last 2 days is 1.',
    ],
    [
      'affinity("viewed", "category", "tents", "2h") > 1',
      'your liking for tents by viewed is 1.39.',
    ],
    [
      'favourite("viewed", "category", "7d") == "tents"',
      'your favourite category by viewed is tents.',
    ],
    [
      'sequence("7d", step("viewed", 2, "3h"), step("cart_added"))',
      'in the last 7 days you did go from viewed to cart added.',
    ],
    [
      'sequence("7d", step("viewed"), step("cart_added"), without("bought"))',
      'in the last 7 days you did not go from viewed to cart added.',
    ],
    ['current("bought", b, b.price > 10)', 'your last step is a fitting bought.'],
    ['current("viewed")', 'your last step is not a fitting viewed.'],
    ['latest("viewed", "category") == "tents"', 'the latest category of viewed is tents.'],
    ['event.name == "cart_added"', 'your last step is bought.'],
    ['session.events > 2', 'the number of your steps this time is 3.'],
    ['session.minutes < 60', 'the time that you have been here in minutes is 20.'],
    ['stage("7d", "30d") == "new"', 'the stage that you are in is new.'],
    ['now.hour == 13', 'the hour where you are is 13.'],
    ['now.weekday == 3', 'the day of the week where you are is 3.'],
  ])('%s: %s', (condition, words) => {
    expect(sentenceFor(condition)).toBe(words)
  })
})
