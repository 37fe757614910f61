import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { HalfsecondError } from '@halfsecond/protocol'
import { printChunk } from './print.ts'

const lineFeed = 0x0a

/**
 * Copies an answer of whole lines until its end, or until the reader has gone. @returns lines
 * Rejects with `UNAVAILABLE` where it breaks off.
 */
export async function printAll(
  chunks: AsyncIterable<Uint8Array>,
  output: Writable,
): Promise<number> {
  let lines = 0
  let last = lineFeed
  try {
    for await (const chunk of chunks) {
      for (const byte of chunk) if (byte === lineFeed) lines++
      last = chunk.at(-1) ?? last
      if (!(await printChunk(output, chunk))) return lines
    }
  } catch (error) {
    throw new HalfsecondError('UNAVAILABLE', 'the export broke off: the node went away', {
      cause: error,
    })
  }
  if (last !== lineFeed) throw new HalfsecondError('UNAVAILABLE', 'the export broke off mid-line')
  return lines
}

/** As `printAll`, into a file that appears once it is complete. */
export async function copyToFile(chunks: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const partial = `${path}.partial`
  const file = createWriteStream(partial)
  try {
    await once(file, 'open')
    const lines = await printAll(chunks, file)
    file.end()
    await once(file, 'close')
    await rename(partial, path)
    return lines
  } catch (error) {
    file.destroy()
    await rm(partial, { force: true })
    throw error
  }
}
