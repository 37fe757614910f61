import type { Clock } from './ports.ts'

/**
 * Who was passed over so often goes on although the turn is over: work whose steps are longer than a
 * turn must not keep all other from ever having one.
 */
const passedOverMax = 8

/**
 * A turn of the loop that long work of one kind shares, however much of it is under way at once: when
 * it is over, all of it gives way together.
 */
export class SharedTurn {
  private readonly clock: Pick<Clock, 'monotonic' | 'soon'>
  private readonly ms: number
  private began = 0
  private next: Promise<void> | undefined

  /** @param ms events that wait have their turn after so long */
  constructor(clock: Pick<Clock, 'monotonic' | 'soon'>, ms: number) {
    this.clock = clock
    this.ms = ms
  }

  /** Resolves at once while the turn lasts, else in one of the next. */
  async giveWay(): Promise<void> {
    const { clock, ms } = this
    for (let passed = 0; clock.monotonic() - this.began >= ms && passed < passedOverMax; passed++) {
      this.next ??= new Promise((begin) => {
        clock.soon(() => {
          this.began = clock.monotonic()
          this.next = undefined
          begin()
        })
      })
      await this.next
    }
  }
}
