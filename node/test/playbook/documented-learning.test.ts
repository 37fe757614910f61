import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { runPlaybookTests } from '../../src/playbook/playbook-tests.ts'
import { ZoneCalendar } from '../../src/system/zone-calendar.ts'

const page = readFileSync(new URL('../../../docs/learning.md', import.meta.url), 'utf8')
const ofPlaybooks = readFileSync(new URL('../../../docs/playbook.md', import.meta.url), 'utf8')
const day = 86_400_000

it('the documented ways to learn compile without a warning, and stand for what the page says', () => {
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []

  const { playbook, warnings } = runPlaybookTests(
    `playbook: documented
traits: { tier: { type: string }, age: { type: int } }
${example}`,
    new ZoneCalendar(),
  )

  expect(warnings).toEqual([])
  const learning = (name: string) => playbook.placements.get(name)?.learning
  expect(learning('web.hero')).toMatchObject({
    reward: 'click',
    withinMs: day / 48,
    halfLifeMs: 7 * day,
    explore: 0.02,
    by: [],
  })
  expect(learning('web.cart')).toMatchObject({
    reward: 'accept',
    withinMs: 2 * day,
    halfLifeMs: 14 * day,
    explore: 0.05,
    by: ['traits.tier', 'traits.age >= 50'],
  })
  expect(learning('email.top')?.withinMs).toBe(7 * day)
})

it('the documented case of an experiment passes, and fails in another arm', () => {
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(ofPlaybooks) ?? []
  const failures = (tests: string) =>
    runPlaybookTests(
      `playbook: documented
consent: { personalise: assumed }
traits: { tier: { type: string } }
placements: { web.hero: { channel: web, format: banner, fallback: {} } }
offers: { card: { when: 'traits.tier == "gold"', treatments: { banner: {} } } }
experiments:
  hold: { at: [web.hero], arms: { ours: {}, none: { share: 50%, shows: fallback } }, measure: { on: click } }
${tests}`,
      new ZoneCalendar(),
    ).failures.map(({ path }) => path)

  expect(failures(example)).toEqual([])
  expect(failures(example.replace('hold: none', 'hold: ours'))).toEqual(['tests.0.then.0.fallback'])
})
