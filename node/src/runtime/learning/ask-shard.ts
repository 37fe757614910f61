import { HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import { Frames } from '../../core/learning/joined.ts'
import type { Clock } from '../ports.ts'
import type { ReadRequest } from '../reads.ts'

/** A shard whose primary is gone has the next one within two seconds. */
const retryMs = 500
const tries = 20

export interface AskShardDependencies {
  /** Answers from whichever node holds the shard. */
  readonly read: (request: ReadRequest) => AsyncIterable<Uint8Array>
  readonly clock: Pick<Clock, 'after'>
}

/**
 * The values of the frames that whoever holds a shard answers with. Asks again for a while; rejects
 * with `UNAVAILABLE`.
 * @param count how many frames there are in a whole answer
 */
export async function askShard(
  { read, clock }: AskShardDependencies,
  request: ReadRequest & { readonly shard: number },
  count: number,
): Promise<readonly unknown[]> {
  for (let left = tries - 1; ; left--) {
    try {
      return await answersOf(read(request), count)
    } catch (thrown) {
      const failure = toHalfsecondError(thrown, 'UNAVAILABLE', `${request.what} cannot be read`)
      if (left === 0)
        throw new HalfsecondError(
          'UNAVAILABLE',
          `shard ${request.shard} does not tell the ${request.what} of its decisions: ${failure.message}`,
        )
    }
    await new Promise<void>((resolve) => clock.after(retryMs, resolve))
  }
}

async function answersOf(
  parts: AsyncIterable<Uint8Array>,
  count: number,
): Promise<readonly unknown[]> {
  const frames = new Frames()
  const answers: unknown[] = []
  for await (const part of parts) answers.push(...frames.take(part))
  if (answers.length === count && frames.isBetween) return answers
  throw new HalfsecondError('UNAVAILABLE', 'an answer that is not whole')
}
