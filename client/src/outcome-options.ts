import type { OutcomeRecord } from '@halfsecond/protocol'
import type { RecordOptions } from './recorder.ts'

/** What an outcome may say besides its name. */
export type OutcomeDetails = Pick<OutcomeRecord, 'reason' | 'across'>

export interface OutcomeOptions extends RecordOptions, OutcomeDetails {}

/** What of the options goes into the record. */
export function moreOf({ reason, across }: OutcomeDetails): OutcomeDetails {
  return { ...(reason !== undefined && { reason }), ...(across !== undefined && { across }) }
}
