import { expect, onTestFinished, test, vi } from 'vitest'
import { needs, realNatsServer } from '../../deploy/test/requirements.ts'
import { runAccepts } from '../accepts/run-accepts.ts'
import { type Figure, Figures } from '../lib/figures.ts'

const trials = 400
const options = { ...needs(realNatsServer), timeout: 180_000 }

test(
  'what was accepted is on no other channel’s next answer, while nodes are killed',
  options,
  async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    onTestFinished(() => {
      vi.restoreAllMocks()
    })
    const figures = new Collected(true)

    await runAccepts(figures, trials, 4)

    expect(figures.all.flatMap(({ why }) => why ?? [])).toEqual([])
    const [accepts = 0, respected] = ['accepts', 'accepts-respected'].map((one) =>
      figures.value(one),
    )
    expect(accepts).toBeGreaterThanOrEqual(trials)
    expect(respected).toBe(accepts)
    expect(figures.value('kills')).toBeGreaterThan(0)
  },
)

class Collected extends Figures {
  readonly all: Figure[] = []

  override add(figure: Figure): void {
    this.all.push(figure)
  }

  value(name: string): number | undefined {
    return this.all.find(({ figure }) => figure === name)?.value ?? undefined
  }
}
