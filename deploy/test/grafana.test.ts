import { describe, expect, it } from 'vitest'
import { metricsIn, readPanels } from './monitoring.ts'
import { shownMetrics } from './shown-metrics.ts'

describe('the dashboard', () => {
  it('answers the four questions of the night, in this order', async () => {
    const rows = (await readPanels()).filter(({ type }) => type === 'row')

    expect(rows.map(({ title }) => title)).toEqual([
      'Is anyone waiting?',
      'Who is behind?',
      'What moves?',
      'What fills?',
    ])
  })

  it('uses only metrics that a node shows', async () => {
    const shown = await shownMetrics()
    const used = metricsIn((await readPanels()).flatMap(({ queries }) => queries).join('\n'))

    expect(used.length).toBeGreaterThan(25)
    expect(used.filter((name) => !shown.has(name))).toEqual([])
  })

  it('says of every panel what it shows', async () => {
    const panels = (await readPanels()).filter(({ type }) => type !== 'row')

    expect(panels.filter(({ description }) => description === '')).toEqual([])
    expect(panels.filter(({ queries }) => queries.length === 0)).toEqual([])
  })
})
