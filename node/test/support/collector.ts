import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What collects all garbage of this thread at once. */
export function collector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('this Node cannot collect on demand')
  return () => void collect()
}
