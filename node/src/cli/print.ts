import type { Writable } from 'node:stream'

/** Writes a line of result. */
export function printLine(output: Writable, text: string): void {
  output.write(`${text}\n`)
}

export function printJson(output: Writable, value: unknown): void {
  output.write(`${JSON.stringify(value)}\n`)
}

/** Writes and waits while the reader is slower; false once the reader has gone. */
export async function printChunk(output: Writable, chunk: Uint8Array): Promise<boolean> {
  if (output.destroyed) return false
  if (!output.write(chunk)) await drained(output)
  return !output.destroyed
}

/** Resolves when there is room again, or nobody reads any more. */
export function drained(output: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      output.off('drain', done)
      output.off('close', done)
      resolve()
    }
    output.on('drain', done)
    output.on('close', done)
  })
}
