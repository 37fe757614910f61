import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { HalfsecondError, isFields } from '@halfsecond/protocol'
import type { ReplayedParts } from '../../core/learning/candidate-replay.ts'
import type { FromThread, ReplayJob, ToThread } from './candidate-messages.ts'
import type { ItemsOf } from './candidate-stock.ts'

/** More are hardly faster: this thread hands everything out and puts everything together. */
const threadsMax = 8

/** Each thread keeps the items that it decides by: a million of them take a gigabyte. */
const threadsWithItemsMax = 2

/** Batches that a thread has at a time: the next is there when one is done. */
const batchesEach = 2

interface Replaying {
  readonly worker: Worker
  /** Who waits for its batches, the oldest first. */
  readonly waiting: {
    readonly done: (replayed: ReplayedParts) => void
    readonly failed: (error: Error) => void
  }[]
}

/** What threads ask for. */
export interface Asked {
  /** The text of a playbook by its version; undefined where nobody has it. */
  readonly textOf: (version: number) => Promise<string | undefined>
  readonly itemsOf: ItemsOf
}

/**
 * Lets a candidate decide batches of logged decisions again, on as many threads as the machine has
 * processors; what comes back has the order of the batches.
 */
export async function* replayAll(
  batches: AsyncIterable<Uint8Array<ArrayBuffer>>,
  job: ReplayJob,
  asked: Asked,
): AsyncGenerator<ReplayedParts> {
  const most = job.hasItems ? threadsWithItemsMax : threadsMax
  const pool = Array.from({ length: Math.min(most, availableParallelism()) }, () =>
    started(job, asked),
  )
  const inFlight: Promise<ReplayedParts>[] = []
  try {
    let next = 0
    for await (const bytes of batches) {
      const thread = pool[next++ % pool.length]
      if (thread !== undefined) inFlight.push(given(thread, bytes))
      if (inFlight.length < batchesEach * pool.length) continue
      const oldest = inFlight.shift()
      if (oldest !== undefined) yield await oldest
    }
    for (const one of inFlight) yield await one
  } finally {
    for (const one of inFlight) one.catch(() => undefined)
    await Promise.all(pool.map(({ worker }) => worker.terminate()))
  }
}

function given({ worker, waiting }: Replaying, bytes: Uint8Array<ArrayBuffer>) {
  const message: ToThread = { kind: 'batch', bytes }
  const replayed = new Promise<ReplayedParts>((done, failed) => {
    waiting.push({ done, failed })
  })
  // Whoever awaits it sees the failure; until then it is nobody's.
  replayed.catch(() => undefined)
  worker.postMessage(message, [bytes.buffer])
  return replayed
}

function started(job: ReplayJob, { textOf, itemsOf }: Asked): Replaying {
  const worker = new Worker(new URL('./candidate-thread.ts', import.meta.url), { workerData: job })
  const thread: Replaying = { worker, waiting: [] }
  const failAll = (error: Error) => {
    for (const { failed } of thread.waiting.splice(0)) failed(error)
  }
  worker.on('error', (error) => failAll(error instanceof Error ? error : new Error(String(error))))
  worker.on('message', (message: unknown) => {
    if (!isMessage(message)) return
    switch (message.kind) {
      case 'replayed':
        thread.waiting.shift()?.done(message.replayed)
        break
      case 'failed':
        thread.waiting.shift()?.failed(new HalfsecondError('MALFORMED', message.message))
        break
      case 'wanted': {
        const { version } = message
        textOf(version).then((text) => {
          const answer: ToThread = { kind: 'playbook', version, text }
          worker.postMessage(answer)
        }, failAll)
        break
      }
      case 'items wanted': {
        const { hash } = message
        itemsOf(hash).then((pieces) => {
          const answer: ToThread = { kind: 'items', hash, pieces }
          worker.postMessage(answer)
        }, failAll)
        break
      }
    }
  })
  return thread
}

/** Our own thread made it. */
function isMessage(message: unknown): message is FromThread {
  return isFields(message) && typeof message.kind === 'string'
}
