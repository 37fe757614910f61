import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'

const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')

it('the documented limits compile, and stand for what the page says', () => {
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []

  const playbook = compilePlaybook(`playbook: documented\n${example}`)

  const hero = playbook.placements.get('web.hero')
  const limitsOf = (offer: string) =>
    hero?.candidates.find((one) => one.offer.name === offer)?.limits.map(({ text }) => text)
  expect(limitsOf('boots')).toEqual(
    expect.arrayContaining([
      'at most 3 display per 7d',
      'at most 4 display per day across group',
      'at most 1 dismiss per 7d, then a pause of 7d',
    ]),
  )
  expect(limitsOf('voucher')).toContain('at most 1 display per lifetime, strictly')
  expect(playbook.placements.get('email.top')?.isLater).toBe(true)
})
