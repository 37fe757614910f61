import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { compilePlaybook } from '../../../src/playbook/compile-playbook.ts'
import { Person } from '../../core/decision/person.ts'

const page = readFileSync(new URL('../../../../docs/ranking.md', import.meta.url), 'utf8')

it('the example of the page on ranking decides as the page says', () => {
  const [, example = ''] = /```yaml\n(.*?)```/s.exec(page) ?? []
  const visitor = new Person(
    compilePlaybook(`
playbook: example
consent: { personalise: assumed }
events: { complaint: {} }
traits: { basket: { type: double }, smsAllowed: { type: bool } }
facts: { complaining: 'count("complaint", "1d") > 0' }
${example.replace('placements:', 'placements:\n  text: { channel: sms, format: banner, fallback: {} }')}
  callback: { group: service, treatments: { banner: { title: We call you } } }
`),
  )
  const now = Date.UTC(2025, 11, 10, 12)
  const shown = (placement: string, at = now) => visitor.shown(placement, at)

  visitor.fold(visitor.traits({ basket: 80, smsAllowed: true, locale: 'de-AT' }, now))
  expect(shown('web.hero')).toEqual(['store-card'])
  expect(visitor.decide(['web.hero'], now)[0]?.propositions[0]?.content).toEqual({
    title: '5 % zurück',
  })
  expect(shown('text')).toEqual(['store-card'])
  expect(shown('text', now + 10 * 3_600_000)).toEqual(['fallback'])
  expect(shown('web.hero', Date.UTC(2025, 11, 25))).toEqual(['callback'])
  visitor.fold(visitor.event('complaint', {}, now))
  expect(shown('web.hero')).toEqual(['callback'])
  expect(shown('web.cart')).toEqual(['store-card'])
})
