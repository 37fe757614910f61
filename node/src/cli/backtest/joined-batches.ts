import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { HalfsecondError } from '@halfsecond/protocol'
import { WholeFrames } from '../../core/learning/whole-frames.ts'
import type { AdminClient } from '../admin-client.ts'
import { type JoinedRequest, readFramed } from '../joined-decisions.ts'

/** Some hundred decisions: a thread is busy with them for some ten milliseconds. */
const batchBytes = 512 * 1024

export interface Batching {
  /** Decisions that are wanted. */
  readonly max: number
  readonly signal: AbortSignal
  /** Now and then: the share that is read, and how many decisions that is. */
  readonly onProgress: (share: number, decisions: number) => void
}

/** The decisions of a file that `halfsecond decisions export` wrote. */
export async function* batchesOfFile(
  path: string,
  { max, signal, onProgress }: Batching,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { size } = await stat(path).catch((error: unknown) => {
    const detail = error instanceof Error ? error.message : String(error)
    throw new HalfsecondError('INVALID', `cannot read ${path}: ${detail}`, { cause: error })
  })
  let bytes = 0
  const pieces: AsyncIterable<unknown> = createReadStream(path, { highWaterMark: batchBytes })
  try {
    yield* batched(
      (async function* () {
        for await (const piece of pieces) {
          if (!Buffer.isBuffer(piece)) continue
          bytes += piece.length
          yield piece
        }
      })(),
      { max, signal, onProgress: (_share, decisions) => onProgress(bytes / size, decisions) },
    )
  } catch (error) {
    if (!(error instanceof HalfsecondError) || error.code !== 'MALFORMED') throw error
    const message = `${path} is no file that halfsecond decisions export wrote: ${error.message}`
    throw new HalfsecondError('MALFORMED', message, { cause: error })
  }
}

/** The decisions of a cluster since then, in milliseconds since 1970. */
export function batchesOfCluster(
  admin: AdminClient,
  range: Pick<JoinedRequest, 'since' | 'until' | 'placement' | 'timelines'>,
  { max, signal, onProgress }: Batching,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let share = 0
  const told = (read: number) => {
    share = read
  }
  return batched(
    (async function* () {
      for await (const { bytes } of readFramed(admin, { ...range, signal, onProgress: told }))
        yield bytes
    })(),
    { max, signal, onProgress: (_share, decisions) => onProgress(share, decisions) },
  )
}

async function* batched(
  pieces: AsyncIterable<Uint8Array>,
  { max, signal, onProgress }: Batching,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const frames = new WholeFrames(batchBytes, max)
  for await (const piece of pieces) {
    if (signal.aborted) throw new HalfsecondError('CLOSED', 'stopped before all was read')
    const batch = frames.take(piece)
    onProgress(0, frames.count)
    if (batch !== undefined) yield batch
    if (frames.isFull) return
  }
  const last = frames.end()
  if (last !== undefined) yield last
}
