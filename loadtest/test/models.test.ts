import { expect, test } from 'vitest'
import { needs, realNatsServer } from '../../deploy/test/requirements.ts'
import { models } from '../learning/models.ts'
import { CollectedFigures } from './collected-figures.ts'

const versions = 3
const options = { ...needs(realNatsServer), timeout: 400_000 }

test('killing and moving primaries changes no model version’s content', options, async () => {
  const figures = new CollectedFigures()

  await models({ figures, versions })

  expect(figures.why).toEqual([])
  expect(figures.value('models-under-kills')).toBe(0)
  expect(figures.value('model-contents-a-number')).toBe(1)
  expect(figures.value('model-versions')).toBeGreaterThanOrEqual(versions)
  // Of a model that nobody taught this would say nothing.
  expect(figures.all[0]?.with?.trials).toBeGreaterThan(100)
  expect(figures.value('kills')).toBeGreaterThan(0)
})
