import { expect, test } from 'vitest'
import { needs, realNatsServer } from '../../deploy/test/requirements.ts'
import { runAccepts } from '../accepts/run-accepts.ts'
import { CollectedFigures } from './collected-figures.ts'

const trials = 400
const options = { ...needs(realNatsServer), timeout: 400_000 }

test(
  'what was accepted is on no other channel’s next answer, while nodes are killed',
  options,
  async () => {
    const figures = new CollectedFigures()

    await runAccepts(figures, trials, 4)

    expect(figures.why).toEqual([])
    const [accepts = 0, respected] = ['accepts', 'accepts-respected'].map((one) =>
      figures.value(one),
    )
    expect(accepts).toBeGreaterThanOrEqual(trials)
    expect(respected).toBe(accepts)
    expect(figures.value('kills')).toBeGreaterThan(0)
  },
)
