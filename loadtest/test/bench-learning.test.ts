import { expect, test } from 'vitest'
import { experimentReports } from '../bench/experiment-reports.ts'
import { joinedDecisions } from '../bench/joined-decisions.ts'
import { modelMaking } from '../bench/model-making.ts'
import { type Figure, Figures } from '../lib/figures.ts'

/** Keeps figures instead of printing them. */
class KeptFigures extends Figures {
  readonly kept: Figure[] = []

  constructor() {
    super(true)
  }

  override add(figure: Figure): void {
    this.kept.push(figure)
  }
}

test.each([
  ['a report of few people', (figures: Figures) => experimentReports({ figures }, 200), 2],
  ['a model version of few shards', (figures: Figures) => modelMaking({ figures }, 2), 2],
  ['few joined decisions', (figures: Figures) => joinedDecisions({ figures }, 80), 2],
])('what %s costs can be measured', async (_, part, count) => {
  const figures = new KeptFigures()

  await part(figures)

  expect(figures.kept.flatMap(({ why }) => why ?? [])).toEqual([])
  expect(figures.kept.filter(({ value }) => value !== null && value > 0)).toHaveLength(count)
})
