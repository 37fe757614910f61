import { afterEach } from 'vitest'

/** Opens anew what a suite tests; after each test all is closed. */
export function freshFrom<T extends { close(): Promise<void> }>(
  open: () => Promise<T>,
): () => Promise<T> {
  const opened: T[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()))
  })
  return async () => {
    const one = await open()
    opened.push(one)
    return one
  }
}
