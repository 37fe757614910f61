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
export function copyToFile(chunks: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  return intoFile(path, (file) => printAll(chunks, file))
}

/** Copies what is no text until its end, or until the reader has gone. Rejects as `chunks` does. */
export async function printPieces(
  chunks: AsyncIterable<Uint8Array>,
  output: Writable,
): Promise<void> {
  for await (const chunk of chunks) if (!(await printChunk(output, chunk))) return
}

/** As `printPieces`, into a file that appears once it is complete. */
export function copyPieces(chunks: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  return intoFile(path, (file) => printPieces(chunks, file))
}

async function intoFile<T>(path: string, write: (file: Writable) => Promise<T>): Promise<T> {
  const partial = `${path}.partial`
  const file = createWriteStream(partial)
  try {
    await once(file, 'open')
    const written = await write(file)
    file.end()
    await once(file, 'close')
    await rename(partial, path)
    return written
  } catch (error) {
    file.destroy()
    await rm(partial, { force: true })
    throw error
  }
}
