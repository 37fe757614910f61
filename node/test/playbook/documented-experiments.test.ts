import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { controlOf, measureText } from '../../src/core/learning/experiment-report.ts'
import { compilePlaybook } from '../../src/playbook/compile-playbook.ts'

const page = readFileSync(new URL('../../../docs/experiments.md', import.meta.url), 'utf8')

it('the documented experiment compiles, and stands for what the page says', () => {
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []

  const { experiments, placements } = compilePlaybook(`playbook: documented\n${example}`)

  const [experiment] = experiments
  expect(experiment).toMatchObject({
    name: 'hero-order',
    arms: [
      { name: 'ours', share: 0.9, shows: 'rules' },
      { name: 'none', share: 0.05, shows: 'fallback' },
      { name: 'any', share: 0.05, shows: 'random' },
    ],
    isRead: false,
  })
  expect(experiment && controlOf(experiment.arms)).toBe('none')
  expect(experiment && [experiment.measure, ...experiment.guardrails].map(measureText)).toEqual([
    'order within 7 days',
    'dismiss within 7 days',
    'unsubscribe within 7 days',
  ])
  expect(placements.get('web.hero')?.experiments).toEqual(experiments)
})
