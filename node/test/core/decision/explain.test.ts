import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { minuteMs, noon, Person } from './person.ts'

const playbook = compilePlaybook(
  readFileSync(new URL('../../../playbooks/fernhill.yaml', import.meta.url), 'utf8'),
)

function customer(traits = {}): Person {
  const visitor = new Person(playbook)
  return visitor.fold(visitor.traits({ tier: 'gold', ...traits }))
}

/** Sentence, then `offer verdict: reason` of each candidate. */
function why(visitor: Person, ...placements: readonly string[]): string[][] {
  return visitor
    .explain(placements)
    .map(({ sentence, candidates }) => [
      sentence,
      ...candidates.map(({ offer, verdict, reason }) => `${offer} ${verdict}: ${reason}`),
    ])
}

const forManager = 'when: upset && traits.tier in ["gold", "platinum"]'
const forCard = 'when: traits.tier != "none" && !traits.storeCard'

describe('why', () => {
  it('tells what is shown, what is behind it and what is held back', () => {
    const visitor = customer({ manager: 'Maya' })
    visitor.fold(
      visitor.event('card_charged', { billed: 82, quoted: 75, foreign: true }),
      visitor.event('page', { path: '/help/fees' }),
    )

    expect(why(visitor, 'call.prompt')).toEqual([
      [
        'At call.prompt you see your manager, because upset and tier is gold; and case status, because upset.',
        `your-manager chosen: ${forManager} is true (upset is true, traits.tier is "gold"); priority 100, score 3 = value 1 × weight 3 × context 1`,
        'case-status chosen: when: upset is true; priority 50, score 3 = value 1 × weight 3 × context 1',
        'store-card never: never of sales: upset is true',
      ],
    ])
    expect(why(visitor, 'web.hero')[0]?.slice(0, 3)).toEqual([
      'At web.hero you see your manager, because upset and tier is gold.',
      `your-manager chosen: ${forManager} is true (upset is true, traits.tier is "gold"); priority 100, score 3 = value 1 × weight 3 × context 1`,
      'case-status outranked: when: upset is true; priority 50, score 3 = value 1 × weight 3 × context 1, behind your-manager (priority 100, score 3)',
    ])
    expect(visitor.explain(['web.hero'])[0]).toMatchObject({
      placement: 'web.hero',
      reason: 'rules',
      freshness: 'fresh',
      playbook: 7,
      facts: { overcharged: true, seekingHelp: true, openCase: false, upset: true },
      shown: [
        {
          offer: 'your-manager',
          treatment: 'banner',
          content: { title: 'Maya will put this right', link: '/call-back' },
        },
      ],
    })
  })

  it('tells what is unknown, and what stands elsewhere in the same answer', () => {
    const visitor = customer()
    visitor.fold(visitor.event('complaint', { about: 'fees' }))

    expect(why(visitor, 'web.hero', 'web.side').map((lines) => lines.slice(0, 3))).toEqual([
      [
        'At web.hero you see case status, because upset.',
        'your-manager content: banner cannot be filled in: traits.manager is unknown',
        'case-status chosen: when: upset is true; priority 50, score 3 = value 1 × weight 3 × context 1',
      ],
      [
        'At web.side you see what everybody sees: of 4 offers none is for you now. The nearest, your manager, cannot be filled in, because manager is not known.',
        'your-manager content: banner cannot be filled in: traits.manager is unknown',
        'case-status taken: shown at another placement of the same answer',
      ],
    ])
  })

  it('tells the values that a rule compared', () => {
    expect(why(new Person(playbook), 'web.hero')).toEqual([
      [
        'At web.hero you see what everybody sees: of 4 offers none is for you now. The nearest, your manager, is not for you now, because not upset and tier is none.',
        `your-manager when: ${forManager} is false (upset is false, traits.tier is "none")`,
        'case-status when: when: upset is false',
        `store-card when: ${forCard} is false (traits.tier is "none", traits.storeCard is false)`,
        'boots-again when: when: wantsBoots is false',
      ],
    ])
  })

  it('tells when an accepted offer was, and until when a rejected one pauses', () => {
    const accepted = customer()
    accepted.fold(accepted.outcome('accept', 'store-card', 'call.prompt', noon - minuteMs))
    const rejected = customer()
    rejected.fold(rejected.outcome('reject', 'store-card', 'web.hero', noon - minuteMs))

    expect(why(accepted, 'email.top')[0]?.[0]).toBe(
      'At email.top you see what everybody sees: of 4 offers none is for you now. The nearest, store card, was accepted by you already.',
    )
    expect(why(accepted, 'email.top')[0]?.[3]).toBe(
      'store-card limit: accepted: retired: since 2025-06-18T11:59:00.000Z',
    )
    expect(why(rejected, 'email.top')[0]?.[3]).toBe(
      'store-card limit: rejected: paused for 90d: until 2025-09-16T11:59:00.000Z',
    )
  })

  it('tells how often a limit was met, of the offer and of the placement', () => {
    const displayed = (count: number) => {
      const visitor = customer()
      for (let i = 0; i < count; i++)
        visitor.fold(visitor.outcome('display', 'store-card', 'web.hero', noon - i * minuteMs))
      return visitor
    }

    expect(why(displayed(8), 'web.hero')[0]?.[0]).toBe(
      'At web.hero you see what everybody sees: of 4 offers none is for you now. The nearest, store card, was shown to you often enough.',
    )
    expect(why(displayed(8), 'web.hero')[0]?.[3]).toBe(
      'store-card limit: at most 8 display per day across group: 8 so far',
    )
    expect(why(displayed(40), 'web.hero')[0]?.slice(0, 2)).toEqual([
      'At web.hero you see what everybody sees, because it has shown you enough for now.',
      'your-manager limit: the placement has at most 40 display per day: 40 so far',
    ])
  })

  it('looks at nothing without consent', () => {
    const visitor = customer()
    visitor.fold(visitor.consent(false))

    const [explanation] = visitor.explain(['call.prompt'])

    expect(explanation?.sentence).toBe(
      'At call.prompt you see what everybody sees, because without your consent nothing is chosen for you.',
    )
    expect(explanation?.facts).toEqual({})
    expect(explanation?.candidates.map(({ verdict }) => verdict)).toEqual([
      'consent',
      'consent',
      'consent',
    ])
  })

  it('tells unknown from false, and puts counts and events into words', () => {
    const text = `
playbook: words
consent: { personalise: assumed }
events: { page_seen: { path: string } }
traits: { vip: { type: bool }, tags: { type: list(string) } }
facts: { known: traits.vip }
placements:
  hero: { channel: web, format: banner, fallback: {} }
  only: { channel: web, format: card, fallback: {} }
  bare: { channel: web, format: none, fallback: {} }
offers:
  a: { priority: 2, never: known, treatments: { banner: {}, card: {} } }
  b:
    priority: 1
    when: >
      count("page_seen", "1h") >= 2 && recent("page_seen", "2d").exists(p, p.path == "/")
      && "x" in traits.tags && channel == "web"
    treatments: { banner: {} }
  c: { treatments: { banner: {} } }
`
    const visitor = new Person(compilePlaybook(text))
    visitor.fold(
      visitor.event('page_seen', { path: '/' }),
      visitor.event('page_seen', { path: '/a' }),
      visitor.traits({ tags: ['x', 'y'] }),
    )

    expect(why(visitor, 'hero', 'only', 'bare')).toEqual([
      [
        'At hero you see b, because page seen counted 2 times in the last hour, there is a fitting page seen in the last 2 days, tags is x, y and this is web.',
        'a never: never: known is unknown',
        'b chosen: when: count("page_seen", "1h") >= 2 && recent("page_seen", "2d").exists(p, p.path == "/") && "x" in traits.tags && channel == "web" is true (count("page_seen", "1h") is 2, recent("page_seen", "2d").exists(p, p.path == "/") is true, traits.tags is ["x","y"], channel is "web"); priority 1, score 1 = value 1 × weight 1 × context 1',
        'c outranked: always admitted; priority 0, score 1 = value 1 × weight 1 × context 1, behind b (priority 1, score 1)',
      ],
      [
        'At only you see what everybody sees: the only offer, a, is held back, because whether known holds is not known.',
        'a never: never: known is unknown',
      ],
      ['At bare you see what everybody sees, because there is no offer for this place.'],
    ])
    expect(visitor.explain(['hero'])[0]?.facts).toEqual({ known: 'unknown' })
  })

  it('changes no choice', () => {
    const visitor = customer({ manager: 'Maya' })
    visitor.fold(visitor.event('complaint', { about: 'fees' }))
    const placements = [...playbook.placements.keys()]

    const silent = visitor.decide(placements)

    expect(visitor.decide(placements, noon, [], new Map())).toEqual(silent)
  })
})
