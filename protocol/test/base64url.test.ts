import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64url, toBase64url } from '../src/base64url.ts'
import { thrownBy } from './arbitraries.ts'

describe('base64url', () => {
  it('writes what Buffer writes and reads it back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = toBase64url(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64url'))
        expect(fromBase64url(text)).toStrictEqual(bytes)
      }),
    )
  })

  it('reads only text that it could have written', () => {
    const almost = fc.stringMatching(/^[\w+/=-]{0,9}$/)
    fc.assert(
      fc.property(fc.oneof(almost, fc.string({ unit: 'binary' })), (text) => {
        const thrown = thrownBy(() => fromBase64url(text))
        if (thrown === undefined) expect(toBase64url(fromBase64url(text))).toBe(text)
        else expect(thrown).toMatchObject({ name: 'HalfsecondError', code: 'MALFORMED' })
      }),
      { numRuns: 1_000 },
    )
  })

  it.each(['A', 'AB', 'AAAAA', 'AA==', 'A A', 'AA+/', 'é'])('refuses %j', (text) => {
    expect(thrownBy(() => fromBase64url(text))).toMatchObject({ code: 'MALFORMED' })
  })
})
