import { setTimeout as pause } from 'node:timers/promises'
import { HalfsecondError } from '@halfsecond/protocol'
import { printLine } from './print.ts'
import type { Surroundings } from './surroundings.ts'

const lookMs = 500

/** A node that restarts, or is just being asked something else, may miss some looks. */
const missesMax = 20

/** How far something is: in words, and whether it is done. */
export interface Progress {
  readonly text: string
  readonly isDone: boolean
}

/**
 * Looks until it is done, and notes each change. Rejects with `CLOSED` when the command is
 * interrupted: what was asked for goes on.
 */
export async function untilDone(
  look: () => Promise<Progress>,
  around: Surroundings,
): Promise<void> {
  let told = ''
  let misses = 0
  while (!around.stopping.aborted) {
    try {
      const { text, isDone } = await look()
      misses = 0
      if (text !== told) printLine(around.notes, text)
      told = text
      if (isDone) return
    } catch (error) {
      if (++misses > missesMax) throw error
    }
    await pause(lookMs, undefined, { signal: around.stopping }).catch(() => undefined)
  }
  throw new HalfsecondError('CLOSED', 'no longer watched; what was asked for goes on by itself')
}
