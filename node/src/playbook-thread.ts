import { parentPort, workerData } from 'node:worker_threads'
import { isFields } from '@halfsecond/protocol'
import { type Review, reviewPlaybook } from './playbook/authoring.ts'
import { PlaybookDocument } from './playbook/document.ts'
import { type Fault, PlaybookError } from './playbook/faults.ts'
import { ZoneCalendar } from './system/zone-calendar.ts'

/** What the thread is started for. */
export type ReadJob =
  | { readonly kind: 'parse'; readonly text: string }
  | {
      readonly kind: 'review'
      readonly text: string
      readonly before: string | undefined
      readonly mustPass: boolean
    }

export type ReadResult =
  /** The values of a text without faults of form. */
  | { readonly kind: 'parsed'; readonly source: unknown }
  | { readonly kind: 'reviewed'; readonly review: Review }
  | {
      readonly kind: 'faults'
      readonly faults: readonly Fault[]
      readonly refusal: string
      readonly file: string
    }

parentPort?.postMessage(read(workerData))

function read(job: unknown): ReadResult {
  if (!isJob(job)) throw new TypeError('the thread was started for nothing')
  const { text } = job
  try {
    if (job.kind === 'review') {
      const { before, mustPass } = job
      return {
        kind: 'reviewed',
        review: reviewPlaybook(text, before, mustPass, new ZoneCalendar()),
      }
    }
    const { source, faults } = new PlaybookDocument(text)
    if (source === undefined) throw new PlaybookError(faults)
    return { kind: 'parsed', source }
  } catch (error) {
    if (!(error instanceof PlaybookError)) throw error
    return { kind: 'faults', faults: error.faults, refusal: error.refusal, file: 'playbook' }
  }
}

function isJob(value: unknown): value is ReadJob {
  return isFields(value) && typeof value.text === 'string'
}
