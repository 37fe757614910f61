import { test } from 'vitest'

/** `test` where an implementation can do what it asks; elsewhere there is no such test to skip. */
export function testIf(holds: boolean): (name: string, run: () => Promise<void>) => void {
  return holds ? (name, run) => test(name, run) : () => {}
}
