import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { Person } from './person.ts'

const playbook = compilePlaybook(`
playbook: languages
consent: { personalise: assumed }
traits: { manager: { type: string } }
placements:
  hero: { channel: web, format: banner, fallback: { title: Welcome } }
  call: { channel: call, format: script, fallback: { say: Hello } }
offers:
  boots:
    treatments:
      banner: { title: Boots }
      script: { say: Mention boots. }
    locales:
      de: { banner: { title: Stiefel } }
      de-CH: { banner: { title: "Stiefel, grüezi \${traits.manager}" } }
      zh-Hant: { banner: { title: 靴子 } }
`)

function title(placement: string, traits: { readonly [name: string]: string | number }): unknown {
  const visitor = new Person(playbook)
  const [choice] = visitor.fold(visitor.traits(traits)).decide([placement])
  return choice?.propositions[0]?.content
}

describe('a treatment in several languages', () => {
  it.each([
    ['de', 'Stiefel'],
    ['de-AT', 'Stiefel'],
    ['DE_at', 'Stiefel'],
    ['zh-Hant-TW', '靴子'],
    ['zh', 'Boots'],
    ['en', 'Boots'],
    ['den', 'Boots'],
    ['', 'Boots'],
    [`de-${'x'.repeat(40)}`, 'Boots'],
    [7, 'Boots'],
  ])('is shown to who has the locale %s as %s', (locale, shown) => {
    expect(title('hero', { locale })).toEqual({ title: shown })
  })

  it('is shown in the nearest language that can be filled in', () => {
    expect(title('hero', { locale: 'de-CH', manager: 'Reto' })).toEqual({
      title: 'Stiefel, grüezi Reto',
    })
    expect(title('hero', { locale: 'de-CH' })).toEqual({ title: 'Stiefel' })
  })

  it('is the plain one for a format that has no other language', () => {
    expect(title('call', { locale: 'de' })).toEqual({ say: 'Mention boots.' })
  })

  it('that cannot be filled in at all is told with all that is unknown of those that fit', () => {
    const visitor = new Person(
      compilePlaybook(`
playbook: languages
consent: { personalise: assumed }
traits: { manager: { type: string }, shop: { type: string }, town: { type: string } }
placements: { hero: { channel: web, format: banner, fallback: {} } }
offers:
  boots:
    treatments: { banner: { title: "\${traits.shop}" } }
    locales: { de: { banner: { title: "\${traits.manager}" } }, fr: { banner: { title: "\${traits.town}" } } }
`),
    )

    const [explanation] = visitor.fold(visitor.traits({ locale: 'de' })).explain(['hero'])

    expect(explanation?.candidates[0]?.reason).toBe(
      'banner cannot be filled in: traits.manager is unknown, traits.shop is unknown',
    )
  })
})
