import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'
import { Person } from '../core/decision/person.ts'
import { told } from './faults-of.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

function text(learn: string, token = ''): string {
  return `playbook: shop
events: { page: { path: string } }
traits: { tier: { type: string }, age: { type: int }, vip: { type: bool }, worth: { type: double }, likes: { type: list(string) } }
facts: { adult: traits.age >= 18 }
placements:
  hero: { channel: web, format: banner, fallback: {}, ${token}learn: ${learn} }
offers:
  boots: { treatments: { banner: {} } }
`
}

function learning(learn: string, token = '') {
  return compilePlaybook(text(learn, token)).placements.get('hero')?.learning
}

describe('how a placement learns', () => {
  it('is said in one word, and has defaults', () => {
    expect(learning('click')).toMatchObject({
      reward: 'click',
      withinMs: 30 * minuteMs,
      halfLifeMs: 7 * dayMs,
      lesson: `click ${30 * minuteMs} ${7 * dayMs}`,
      trainer: 'bandit',
      explore: 0.02,
      by: [],
    })
    expect(learning('accept')?.withinMs).toBe(7 * dayMs)
    expect(learning('{ on: click }')).toEqual({
      ...learning('click'),
      bucketOf: expect.any(Function),
    })
  })

  it('is said in full', () => {
    expect(
      learning(
        '{ on: accept, within: 1d, by: [traits.tier, channel], halfLife: 30d, explore: 5%, trainer: logistic }',
      ),
    ).toMatchObject({
      lesson: `accept ${dayMs} ${30 * dayMs}`,
      trainer: 'logistic',
      explore: 0.05,
      by: ['traits.tier', 'channel'],
    })
    expect(learning('{ on: click, explore: 0.1 }')?.explore).toBe(0.1)
  })

  it('is nothing where the playbook says nothing', () => {
    const playbook = compilePlaybook(text('click').replace(', learn: click', ''))

    expect(playbook.placements.get('hero')?.learning).toBeUndefined()
  })

  it('waits as long as a token is good where content is displayed later, at most a week', () => {
    expect(learning('click', 'token: 2d, ')?.withinMs).toBe(2 * dayMs)
    expect(learning('accept', 'token: 30d, ')?.withinMs).toBe(7 * dayMs)
    expect(learning('{ on: click, within: 20d }', 'token: 30d, ')?.withinMs).toBe(20 * dayMs)
  })

  it('puts a visitor into the bucket that the expressions say', () => {
    const playbook = compilePlaybook(
      text('{ on: click, by: [traits.tier, "channel", adult, \'count("page", "1d") > 2\'] }'),
    )
    const person = new Person(playbook)
    person.fold(person.traits({ tier: 'gold', age: 30 }))

    expect(person.bucketAt('hero')).toBe('gold|web|true|false')
    expect(new Person(playbook).bucketAt('hero')).toBe('?|web|?|false')
  })

  it('says with each proposition what its outcome teaches', () => {
    const playbook = compilePlaybook(
      text('{ on: click, by: [traits.tier] }').replace(
        'events:',
        'consent: { personalise: assumed }\nevents:',
      ),
    )
    const person = new Person(playbook)
    person.fold(person.traits({ tier: 'gold' }))

    expect(person.decide(['hero'])[0]?.propositions).toEqual([
      expect.objectContaining({ offer: 'boots', trial: 'click 1800000 604800000 gold' }),
    ])
  })

  it('has one bucket where nothing tells visitors apart', () => {
    expect(new Person(compilePlaybook(text('click'))).bucketAt('hero')).toBe('')
  })
})

describe('a fault in how a placement learns', () => {
  const at = '6:62 placements.hero.learn'
  it.each([
    [
      'clik',
      `${at}: must be click, accept, or a map like { on: click, within: 30m, by: [traits.tier] }`,
    ],
    ['{ by: [channel] }', `${at}: "on" is missing`],
    ['{ on: display }', '6:68 placements.hero.learn.on: must be one of click, accept'],
    [
      '{ on: click, halflife: 7d }',
      '6:75 placements.hero.learn.halflife: no such key here; did you mean "halfLife"?',
    ],
    ['{ on: click, within: 31d }', '6:83 placements.hero.learn.within: must be at most 30d'],
    [
      '{ on: click, within: soon }',
      '6:83 placements.hero.learn.within: must be a duration like 30m, 12h, 7d or 4w',
    ],
    ['{ on: click, halfLife: 30m }', '6:85 placements.hero.learn.halfLife: must be from 1h to 90d'],
    ['{ on: click, halfLife: 91d }', '6:85 placements.hero.learn.halfLife: must be from 1h to 90d'],
    ['{ on: click, explore: 51% }', '6:84 placements.hero.learn.explore: must be at most 50%'],
    [
      '{ on: click, explore: many }',
      '6:84 placements.hero.learn.explore: must be a share like 5% or 0.05',
    ],
    [
      '{ on: click, trainer: deep }',
      '6:84 placements.hero.learn.trainer: must be one of bandit, logistic',
    ],
    [
      '{ on: click, by: [channel, placement, adult, traits.vip, traits.age] }',
      '6:79 placements.hero.learn.by: has at most 4 of them',
    ],
    [
      '{ on: click, by: [traits.teir] }',
      '6:80 placements.hero.learn.by.0: no trait "teir"; did you mean "tier"?\n    traits.teir\n    ^^^^^^^^^^^',
    ],
    [
      '{ on: click, by: [traits.likes] }',
      '6:80 placements.hero.learn.by.0: this is a list of strings; buckets are told by text, a bool or a whole number\n    traits.likes\n    ^^^^^^^^^^^^',
    ],
    [
      '{ on: click, by: [traits.worth] }',
      '6:80 placements.hero.learn.by.0: this may be a fraction, and each would be a bucket: compare it, like … > 10\n    traits.worth\n    ^^^^^^^^^^^^',
    ],
    [
      '{ on: click, by: [traits.age / 10] }',
      '6:80 placements.hero.learn.by.0: this may be a fraction, and each would be a bucket: compare it, like … > 10\n    traits.age / 10\n    ^^^^^^^^^^^^^^^',
    ],
  ])('is told where it is: %s', (learn, fault) => {
    expect(told(text(learn))).toEqual([`p.yaml:${fault}`])
  })
})
