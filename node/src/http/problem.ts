import { STATUS_CODES } from 'node:http'
import { type ErrorCode, HalfsecondError, retryableByCode } from '@halfsecond/protocol'

/*
 * Errors as HTTP tells them: RFC 9457. One table says which status a code has; everything that goes
 * wrong at a door ends in `problemOf`.
 */

/** Something that a place in an author's text is to blame for. */
export interface ProblemFault {
  readonly line: number
  readonly column: number
  readonly path: string
  readonly message: string
  readonly excerpt?: { readonly text: string; readonly start: number; readonly end: number }
}

/** The body of `application/problem+json`. */
export interface Problem {
  /** Leads to what the code means, on the docs page of the node that answers. */
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ErrorCode
  /** Whether the same request may succeed later, unchanged. */
  readonly retryable: boolean
  /** Of a playbook or an identity configuration that was not taken: all that is wrong in it. */
  readonly faults?: readonly ProblemFault[]
}

export const problemType = 'application/problem+json'

interface Meaning {
  readonly status: number
  readonly title: string
  /** Seconds that a caller should wait before it tries again. */
  readonly retryAfter?: number
}

/** What each code is in HTTP. A status above 499 is the node's fault or state, never the caller's. */
export const meanings: { readonly [code in ErrorCode]: Meaning } = {
  MALFORMED: { status: 400, title: 'Not JSON or MessagePack as specified' },
  INVALID: { status: 422, title: 'A field has a value that its rule forbids' },
  TOO_LARGE: { status: 413, title: 'Above a bound' },
  UNKNOWN_PLACEMENT: { status: 404, title: 'The playbook has no such placement' },
  UNKNOWN_NAMESPACE: { status: 422, title: 'No such identifier namespace is configured' },
  FORBIDDEN: { status: 403, title: 'Not allowed, or not signed by this cluster' },
  MOVED: { status: 421, title: 'Another node holds the shard', retryAfter: 1 },
  NOT_CAUGHT_UP: { status: 503, title: 'The position was not reached in time', retryAfter: 1 },
  OVERLOADED: { status: 503, title: 'The node sheds load', retryAfter: 1 },
  QUEUE_FULL: { status: 503, title: 'Too much waits for the log', retryAfter: 1 },
  LOG_FULL: { status: 507, title: 'The log takes no more', retryAfter: 30 },
  TIMEOUT: { status: 504, title: 'No answer in time; it may still happen', retryAfter: 1 },
  UNAVAILABLE: { status: 503, title: 'Nobody there to answer', retryAfter: 1 },
  CLOSED: { status: 503, title: 'The node is stopping', retryAfter: 1 },
}

/** An error whose status is not that of its code: what is wrong concerns HTTP itself. */
export class RequestError extends HalfsecondError {
  readonly status: number
  /** Methods that the address has. */
  readonly allow: string | undefined

  constructor(status: number, code: ErrorCode, message: string, allow?: string) {
    super(code, message)
    this.status = status
    this.allow = allow
  }
}

export function problemFor(
  code: ErrorCode,
  detail: string,
  status: number = meanings[code].status,
): Problem {
  const meaning = meanings[code]
  return {
    type: `/docs#${code}`,
    title: status === meaning.status ? meaning.title : (STATUS_CODES[status] ?? meaning.title),
    status,
    detail,
    code,
    retryable: retryableByCode[code],
  }
}

/** Whatever was thrown; undefined for what no caller can have caused, whose text stays in the log. */
export function problemOf(thrown: unknown): Problem | undefined {
  if (thrown instanceof RequestError) return problemFor(thrown.code, thrown.message, thrown.status)
  if (thrown instanceof HalfsecondError) return problemFor(thrown.code, thrown.message)
  if (!(thrown instanceof Error)) return undefined
  if (hasFaults(thrown)) {
    const detail = `${thrown.refusal}: ${thrown.faults.length} ${thrown.faults.length === 1 ? 'fault' : 'faults'}`
    return { ...problemFor('INVALID', detail), faults: thrown.faults }
  }
  return frameworkProblem(thrown)
}

/** A `PlaybookError`, known by its form: doors and the playbook's checker do not import each other. */
function hasFaults(error: Error): error is Error & {
  readonly faults: readonly ProblemFault[]
  readonly refusal: string
} {
  return error.name === 'PlaybookError' && 'faults' in error && Array.isArray(error.faults)
}

/** What fastify refuses before a handler runs. Its texts may quote the request, so ours are used. */
function frameworkProblem(error: Error): Problem | undefined {
  const code = 'code' in error ? error.code : undefined
  if ('validation' in error) return problemFor('INVALID', error.message)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return problemFor('TOO_LARGE', 'the body is larger than a frame may be')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return problemFor('MALFORMED', 'this address takes no body of that content type', 415)
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH')
    return problemFor('MALFORMED', 'the body is not as long as Content-Length says')
  if (code === 'FST_ERR_BAD_URL') return problemFor('MALFORMED', 'the address is not encoded right')
  if (code === 'FST_ERR_MAX_PARAM_LENGTH')
    return problemFor('TOO_LARGE', 'a part of the address is longer than any identifier', 414)
  const status = 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' && status >= 400 && status < 500
    ? problemFor('MALFORMED', 'the request cannot be read', status)
    : undefined
}
