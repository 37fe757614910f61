import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { HalfsecondError, isFields } from '@halfsecond/protocol'
import { type Review, reviewPlaybook } from './playbook/authoring.ts'
import { compilePlaybook } from './playbook/compile-playbook.ts'
import { PlaybookError } from './playbook/faults.ts'
import { playbookTexts } from './playbook/playbook-texts.ts'
import type { ReadJob, ReadResult } from './playbook-thread.ts'
import type { PlaybookTexts } from './runtime/catalogues/playbook-compiler.ts'
import type { Authoring } from './runtime/decisions/publication.ts'
import type { Calendar } from './runtime/ports.ts'

/**
 * Shorter texts are read in about 20 ms. What takes longer is read on another thread, so that
 * nobody who asks what to show waits for it; there it takes 200 ms more to begin.
 */
const hereCharsMax = 16 * 1024

/** Longer than the largest playbook takes on a slow machine. */
const threadMs = 30_000

/** What reads playbooks in a node. */
export function readers(calendar: Calendar): {
  readonly texts: PlaybookTexts
  readonly author: Authoring
} {
  return {
    texts: {
      ...playbookTexts,
      compile: (text, catalogues) =>
        text.length <= hereCharsMax
          ? compilePlaybook(text, catalogues)
          : inThread({ kind: 'parse', text }).then(({ source }) =>
              compilePlaybook(text, catalogues, source),
            ),
    },
    author: {
      review: async (text, before, mustPass) => {
        const chars = text.length + (before?.length ?? 0)
        if (chars <= hereCharsMax) return reviewPlaybook(text, before, mustPass, calendar)
        const { review } = await inThread({ kind: 'review', text, before, mustPass })
        if (review === undefined) throw new TypeError('a review is asked for')
        return review
      },
    },
  }
}

interface Read {
  readonly source?: unknown
  readonly review?: Review
}

/** Rejects with a `PlaybookError`, as reading it here would, or with `UNAVAILABLE`. */
async function inThread(job: ReadJob): Promise<Read> {
  const thread = new Worker(new URL('./playbook-thread.ts', import.meta.url), { workerData: job })
  try {
    const signal = AbortSignal.timeout(threadMs)
    const [result]: unknown[] = await once(thread, 'message', { signal })
    if (!isResult(result)) throw new TypeError('a thread answers what it was asked')
    if (result.kind === 'faults') throw new PlaybookError(result.faults, result)
    return result
  } catch (error) {
    if (error instanceof PlaybookError) throw error
    throw new HalfsecondError('UNAVAILABLE', 'the playbook could not be read: try again', {
      cause: error,
    })
  } finally {
    await thread.terminate()
  }
}

/** Our own thread made it. */
function isResult(value: unknown): value is ReadResult {
  return isFields(value) && typeof value.kind === 'string'
}
