import { describe, expect, it } from 'vitest'
import { readPlaybook } from '../../../src/playbook/compile-playbook.ts'
import { warningsOf } from '../../../src/playbook/warnings/warnings-of.ts'

const offers =
  'a: { treatments: { banner: { title: "$' +
  '{traits.city}" } } }, b: { when: traits.tier == "gold", treatments: { banner: {} } }'

function warned(learn: string, { hero = '', shown = offers, experiments = '' } = {}): string[] {
  const text = `playbook: shop
events: { page: { path: string } }
traits: { tier: { type: string }, city: { type: string }, age: { type: int } }
profile: { web: [age] }
placements:
  hero: { channel: web, format: banner, fallback: {}${learn && `, learn: ${learn}`}${hero} }
  side: { channel: web, format: box, fallback: {} }
offers: { ${shown}, c: { treatments: { box: {} } } }
${experiments && `experiments: { e: { at: [hero], measure: { on: click }, ${experiments} } }\n`}`
  return warningsOf(readPlaybook(text)).map(({ path, message }) => `${path}: ${message}`)
}

const by = (expression: string) => warned(`{ on: click, by: ['${expression}'] }`)

describe('a placement that learns', () => {
  it('is not warned of where it has something to learn', () => {
    expect(warned('click')).toEqual([])
    expect(warned('{ on: accept, by: [channel], explore: 10% }')).toEqual([])
  })

  it('has something to choose from', () => {
    expect(warned('click', { shown: 'a: { treatments: { banner: {} } }' })).toContain(
      'placements.hero.learn: there is nothing to choose from: fewer than 2 offers are shown here',
    )
  })

  it('tries by chance, so that everything has a probability', () => {
    expect(warned('{ on: click, explore: 0 }')).toEqual([
      'placements.hero.learn: nothing is tried by chance: what was hardly shown is hardly learnt, and a backtest cannot tell what it would bring',
    ])
  })

  it('ranks by what it learns', () => {
    const message =
      'placements.hero.learn: what is learnt changes nothing: the rank here does not read propensity'

    expect(warned('click', { hero: ', rank: value * weight' })).toEqual([message])
    expect(warned('click', { hero: ', rank: propensity * value' })).toEqual([])
  })

  it('remembers longer than it waits', () => {
    expect(warned('{ on: accept, halfLife: 3d }')).toEqual([
      'placements.hero.learn: what is learnt is more than half forgotten before it counts: within is longer than halfLife',
    ])
  })

  it.each([
    'traits.city',
    'traits.age',
    'traits.tier + traits.city',
    'count("page", "1d")',
    'latest("page", "path")',
    'traits.age > 3 ? traits.city : "other"',
  ])('has few buckets, as %s does not promise', (expression) => {
    expect(by(expression)).toEqual([
      expect.stringMatching(/^placements\.hero\.learn\.by\.0: each value is a bucket/),
    ])
  })

  it.each([
    'traits.tier',
    'channel',
    'now.hour',
    'traits.age >= 18',
    'count("page", "1d") > 2',
    'count("page", "1d") % 3',
    'stage("7d", "30d")',
    'traits.city in ["Bath", "York"] ? traits.city : "other"',
    'traits.age > 3 ? "old" : "young"',
  ])('has few buckets by %s', (expression) => {
    const yaml = expression.replaceAll("'", "''")

    expect(warned(`{ on: click, by: ['${yaml}'] }`)).toEqual([])
  })
})

describe('an experiment', () => {
  it('treats people in different ways', () => {
    expect(warned('', { experiments: 'arms: { x: 50%, y: 50% }' })).toEqual([
      'experiments.e: its arms do not differ: all show the same, and nothing asks for arm("e")',
    ])
    expect(
      warned('', { experiments: 'arms: { x: 50%, y: { share: 50%, shows: fallback } }' }),
    ).toEqual([])
    expect(
      warned('', {
        experiments: 'arms: { x: 50%, y: 50% }',
        shown: `${offers}, d: { when: 'arm("e") == "x"', treatments: { banner: {} } }`,
      }),
    ).toEqual([])
  })

  it('shows what is unlearned only where something is learnt', () => {
    const experiments = 'arms: { x: 50%, y: { share: 50%, shows: unlearned } }'

    expect(warned('click', { experiments })).toEqual([])
    expect(warned('', { experiments })).toEqual([
      'experiments.e.arms.y: nothing is learnt there, so this is what the rules show',
    ])
  })

  it('is asked for where it counts', () => {
    const shown = `${offers}, d: { when: 'arm("e") == "x"', treatments: { box: {} } }`

    expect(warned('', { experiments: 'arms: { x: 50%, y: 50% }', shown })).toEqual([
      'offers.d.when: this never holds, so the offer is never shown',
    ])
  })
})
