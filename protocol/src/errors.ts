/**
 * Error codes, stable for ever: match on these, never on a message's text.
 * `spec.md` says for each what the caller should do.
 */
export const retryableByCode = {
  /** Not a frame of this protocol: not MessagePack or JSON as specified, too deep, trailing bytes. */
  MALFORMED: false,
  /** Well formed, but a field has a value that its rule forbids. */
  INVALID: false,
  /** Above one of `bounds`. */
  TOO_LARGE: false,
  /** The playbook has no such placement. */
  UNKNOWN_PLACEMENT: false,
  /** No such identifier namespace is configured. */
  UNKNOWN_NAMESPACE: false,
  /** The caller may not do this, or a signature does not match. */
  FORBIDDEN: false,
  /** This node does not hold the shard: refresh the shard map and ask again. */
  MOVED: true,
  /** The position was not reached in time. */
  NOT_CAUGHT_UP: true,
  /** The node sheds load: wait, then ask again. */
  OVERLOADED: true,
  /** The client's own queue is full: slow down. */
  QUEUE_FULL: true,
  /** The log takes no more until it is trimmed or given room. */
  LOG_FULL: true,
  /** No answer within the deadline; what was asked may still have happened. */
  TIMEOUT: true,
  /** Nobody there to ask. */
  UNAVAILABLE: true,
  /** The client was closed before or during the call. */
  CLOSED: false,
} as const

export type ErrorCode = keyof typeof retryableByCode

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(retryableByCode, value)
}

/** The one error class of halfsecond. `message` says what is wrong and what to do about it. */
export class HalfsecondError extends Error {
  override readonly name = 'HalfsecondError'
  readonly code: ErrorCode
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.retryable = retryableByCode[code]
  }
}

/** Wraps whatever was thrown; a `HalfsecondError` passes unchanged. */
export function toHalfsecondError(thrown: unknown, code: ErrorCode, what: string): HalfsecondError {
  if (thrown instanceof HalfsecondError) return thrown
  const detail = thrown instanceof Error ? thrown.message : String(thrown)
  return new HalfsecondError(code, `${what}: ${detail}`, { cause: thrown })
}
