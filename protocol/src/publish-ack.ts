import { HalfsecondError } from './errors.ts'
import { isFields } from './properties.ts'

/**
 * Reads JetStream's answer to a publish: the sequence of the entry.
 * @throws HalfsecondError `LOG_FULL`, `TOO_LARGE`, or `UNAVAILABLE` for all that may pass
 */
export function parsePublishAck(text: string): number {
  const answer = parseJson(text)
  const fields = isFields(answer) ? answer : {}
  // A refusal has a sequence too: 0.
  if (fields.error === undefined && typeof fields.seq === 'number' && fields.seq > 0)
    return fields.seq
  const error = isFields(fields.error) ? fields.error : {}
  throw publishError(
    Number(error.err_code),
    String(error.description ?? 'no sequence in the answer'),
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** JetStream's own error codes: 10077 store failed (full), 10047 no storage left, 10054 too large. */
function publishError(code: number, description: string): HalfsecondError {
  if (code === 10054) return new HalfsecondError('TOO_LARGE', description)
  if (code === 10077 || code === 10047)
    return new HalfsecondError('LOG_FULL', `the log takes no more: ${description}`)
  return new HalfsecondError('UNAVAILABLE', `the log refused: ${description}`)
}
