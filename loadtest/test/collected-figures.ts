import { onTestFinished, vi } from 'vitest'
import { type Figure, Figures } from '../lib/figures.ts'

/** Figures that a test looks at, instead of printing them. Nothing else is printed either. */
export class CollectedFigures extends Figures {
  readonly all: Figure[] = []

  constructor() {
    super(true)
    vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    onTestFinished(() => {
      vi.restoreAllMocks()
    })
  }

  override add(figure: Figure): void {
    this.all.push(figure)
  }

  value(name: string): number | undefined {
    return this.all.find(({ figure }) => figure === name)?.value ?? undefined
  }

  /** Why figures could not be taken. */
  get why(): readonly string[] {
    return this.all.flatMap(({ why }) => why ?? [])
  }
}
