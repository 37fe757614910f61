import { describe, expect, it } from 'vitest'
import { HalfsecondError, isErrorCode, retryableByCode, toHalfsecondError } from '../src/errors.ts'

describe('errors', () => {
  it('know their codes and nothing that objects happen to have', () => {
    for (const code of Object.keys(retryableByCode)) expect(isErrorCode(code)).toBe(true)
    for (const other of ['', 'moved', 'toString', '__proto__', 7, null, undefined]) {
      expect(isErrorCode(other)).toBe(false)
    }
  })

  it('say whether the same call may succeed later', () => {
    expect(new HalfsecondError('MOVED', 'elsewhere').retryable).toBe(true)
    expect(new HalfsecondError('INVALID', 'never').retryable).toBe(false)
  })

  it('pass unchanged when wrapped, and wrap whatever else was thrown', () => {
    const own = new HalfsecondError('FORBIDDEN', 'no')
    expect(toHalfsecondError(own, 'UNAVAILABLE', 'failed')).toBe(own)
    const cause = new Error('socket closed')
    expect(toHalfsecondError(cause, 'UNAVAILABLE', 'failed')).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'failed: socket closed',
      cause,
    })
    expect(toHalfsecondError('text', 'CLOSED', 'failed').message).toBe('failed: text')
  })
})
