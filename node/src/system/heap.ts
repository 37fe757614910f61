import { setFlagsFromString } from 'node:v8'

/**
 * V8 marks a heap that grows slowly, as a node's does, whenever a tenth came to it, and its threads
 * take every core meanwhile: two of them for 100 to 250 ms at 70 MB, and all that is asked then waits.
 * So there may be as much garbage as there is alive. Near the heap's maximum V8 marks as it would.
 */
const growingPercent = 100

/** From now on the heap of this process may grow so far before it is marked. */
export function markSeldom(): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`)
}
