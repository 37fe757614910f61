import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { HalfsecondError } from '@halfsecond/protocol'

/** How much of the beginning tells the format. */
const headBytes = 64 * 1024

/** What is to be imported: bytes that can be read twice, first for their hash, then for their lines. */
export interface Content {
  /** SHA-256 of the mapping and the bytes, in hexadecimal. Packed or not, the same bytes hash alike. */
  readonly hash: (mapping: string) => string
  readonly head: Buffer
  readonly bytes: number
  /** When it was written, in milliseconds since 1970; what is no file on disk, now. */
  readonly modifiedAt: number
  read(): AsyncIterable<Buffer>
  close(): Promise<void>
}

/**
 * Reads a file through once. What is no file on disk, like standard input or a pipe, is kept in a
 * temporary file meanwhile.
 * @throws HalfsecondError `INVALID` for a file that cannot be read or unpacked
 */
export async function openContent(path: string, input: Readable): Promise<Content> {
  const onDisk = path === '-' ? undefined : await stat(path).catch(unreadable(path))
  if (onDisk?.isDirectory()) throw new HalfsecondError('INVALID', `${path} is a folder, not a file`)
  if (onDisk?.isFile()) {
    // A log that grows meanwhile: what is there now is what is imported.
    const { size, mtimeMs } = onDisk
    return surveyed(
      path,
      Math.floor(mtimeMs),
      () => unpacked(path, size),
      () => Promise.resolve(),
    )
  }
  const folder = await mkdtemp(join(tmpdir(), 'halfsecond-import-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const copy = join(folder, 'input')
    const size = await spool(path === '-' ? input : createReadStream(path), copy)
    return await surveyed(path, Date.now(), () => unpacked(copy, size), remove)
  } catch (error) {
    await remove()
    throw error
  }
}

async function surveyed(
  path: string,
  modifiedAt: number,
  read: () => AsyncIterable<Buffer>,
  close: () => Promise<void>,
): Promise<Content> {
  const digest = createHash('sha256')
  const head: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of read()) {
      digest.update(chunk)
      if (bytes < headBytes) head.push(chunk)
      bytes += chunk.length
    }
  } catch (error) {
    throw unreadable(path)(error)
  }
  const ofBytes = digest.digest('hex')
  return {
    hash: (mapping) => createHash('sha256').update(`${mapping}\n${ofBytes}`).digest('hex'),
    head: Buffer.concat(head).subarray(0, headBytes),
    bytes,
    modifiedAt,
    read,
    close,
  }
}

async function* unpacked(path: string, size: number): AsyncIterable<Buffer> {
  if (size === 0) return
  const file = createReadStream(path, { end: size - 1, highWaterMark: 256 * 1024 })
  if (!(await isGzip(path))) {
    yield* buffers(file)
    return
  }
  const gunzip = createGunzip({ chunkSize: 256 * 1024 })
  file.on('error', (error) => gunzip.destroy(error))
  yield* buffers(file.pipe(gunzip))
  file.destroy()
}

async function* buffers(stream: Readable): AsyncIterable<Buffer> {
  for await (const chunk of stream) if (Buffer.isBuffer(chunk)) yield chunk
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
  } finally {
    await file.close()
  }
}

async function spool(input: Readable, path: string): Promise<number> {
  let bytes = 0
  const counted = async function* (source: AsyncIterable<unknown>) {
    for await (const chunk of source) {
      if (!Buffer.isBuffer(chunk)) continue
      bytes += chunk.length
      yield chunk
    }
  }
  await pipeline(input, counted, createWriteStream(path))
  return bytes
}

function unreadable(path: string): (error: unknown) => never {
  return (error) => {
    const detail = error instanceof Error ? error.message : String(error)
    throw new HalfsecondError('INVALID', `cannot read ${path}: ${detail}`, { cause: error })
  }
}
