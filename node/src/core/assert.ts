/** Thrown when the program itself is wrong: the shard that meets it stops instead of guessing. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionError(what)
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`)
}
