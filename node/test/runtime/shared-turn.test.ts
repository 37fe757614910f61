import { expect, it } from 'vitest'
import { SharedTurn } from '../../src/runtime/shared-turn.ts'

/** A loop whose turns begin, and a clock that moves, when a test says so. */
class Loop {
  time = 0
  private readonly due: (() => void)[] = []
  readonly clock = {
    monotonic: () => this.time,
    soon: (run: () => void) => void this.due.push(run),
  }

  /** Runs what is due, and all that follows from it before the next turn. */
  async turn(): Promise<void> {
    for (const run of this.due.splice(0)) run()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it('is shared: what two do takes no longer together than what one does', async () => {
  const loop = new Loop()
  const turn = new SharedTurn(loop.clock, 1)
  const steps = { a: 0, b: 0 }
  const work = async (name: 'a' | 'b') => {
    for (; steps[name] < 20; steps[name]++) {
      await turn.giveWay()
      loop.time += 0.25
    }
  }
  loop.time = 100

  const done = Promise.all([work('a'), work('b')])
  for (let turns = 0; turns < 10; turns++) {
    const before = steps.a + steps.b
    await loop.turn()
    // Four quarters of a turn, and what began before the last of them was over.
    expect(steps.a + steps.b - before).toBeLessThanOrEqual(5)
    expect(Math.abs(steps.a - steps.b)).toBeLessThanOrEqual(1)
  }

  await done
})

it('comes to everybody, although the steps of somebody else are longer than a turn', async () => {
  const loop = new Loop()
  const turn = new SharedTurn(loop.clock, 1)
  let steps = 0
  let isDone = false
  const long = async () => {
    while (!isDone) {
      await turn.giveWay()
      loop.time += 5
    }
  }
  const other = async () => {
    for (; steps < 3; steps++) await turn.giveWay()
    isDone = true
  }
  loop.time = 100

  const done = Promise.all([long(), other()])
  for (let turns = 0; turns < 40; turns++) await loop.turn()

  expect(steps).toBe(3)
  await done
})
