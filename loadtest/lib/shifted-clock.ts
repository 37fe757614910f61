/*
 * Loaded into a node with --import: SIGUSR2 makes its wall clock jump by CLOCK_SHIFT_MS, and the
 * next one makes it jump back. Its monotonic clock goes on as before.
 */
const shiftMs = Number(process.env.CLOCK_SHIFT_MS)
let jumpedMs = 0
process.on('SIGUSR2', () => {
  jumpedMs = jumpedMs === 0 ? shiftMs : 0
})

const RealDate = Date
const realNow = Date.now.bind(Date)

class ShiftedDate extends RealDate {
  constructor(...parts: readonly (number | string | Date)[]) {
    const [first] = parts
    super(first ?? realNow() + jumpedMs)
  }

  static override now(): number {
    return realNow() + jumpedMs
  }
}

Object.assign(globalThis, { Date: ShiftedDate })
