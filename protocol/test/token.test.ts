import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64url, toBase64url } from '../src/base64url.ts'
import { bounds } from '../src/bounds.ts'
import { HalfsecondError } from '../src/errors.ts'
import { parseIdentifier } from '../src/identifier.ts'
import { landingLink, peekToken, type Token, TokenKeys } from '../src/token.ts'
import { identifier, name, thrownBy } from './arbitraries.ts'

const secret = (fill: number, bytes = 32) => Buffer.alloc(bytes, fill).toString('base64')
const keys = new TokenKeys(`k1:${secret(1)}`)

const token: Token = {
  decision: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  key: parseIdentifier('anon:4hG8'),
  placement: 'home.hero',
  offer: 'gold-card',
  treatment: 'web',
  playbook: 7,
  decidedAt: 1_760_000_000_000,
  expiresAt: 1_760_086_400_000,
}

const anyToken: fc.Arbitrary<Token> = fc.record(
  {
    decision: fc.stringMatching(/^[!-~]{1,64}$/),
    key: identifier,
    placement: name,
    offer: name,
    treatment: name,
    playbook: fc.integer({ min: 1 }),
    decidedAt: fc.integer({ min: 0, max: 253_402_300_799_999 }),
    expiresAt: fc.integer({ min: 0, max: 253_402_300_799_999 }),
  },
  { noNullPrototype: true },
)

describe('a token', () => {
  it('comes back as it was signed', () => {
    fc.assert(
      fc.property(anyToken, (one) => {
        const text = keys.sign(one)
        expect(keys.verify(text, 0)).toStrictEqual(one)
        expect(peekToken(text)).toStrictEqual(one)
      }),
    )
  })

  it('fits its bound with every field at its longest', () => {
    const long = new TokenKeys(`${'k'.repeat(64)}:${secret(1)}`)
    const text = long.sign({
      decision: 'd'.repeat(bounds.idBytes),
      key: parseIdentifier(`email:${'é'.repeat(bounds.identifierBytes / 2)}`),
      placement: 'p'.repeat(bounds.nameBytes),
      offer: 'o'.repeat(bounds.nameBytes),
      treatment: 't'.repeat(bounds.nameBytes),
      playbook: Number.MAX_SAFE_INTEGER,
      decidedAt: 253_402_300_799_999,
      expiresAt: 253_402_300_799_999,
      trial: 'b'.repeat(bounds.trialChars),
      arms: Array.from({ length: bounds.armsPerDecision }, () => 'a'.repeat(bounds.armChars)),
    })
    expect(text.length).toBeLessThanOrEqual(bounds.tokenChars)
    expect(long.verify(text, 0).offer).toBe('o'.repeat(bounds.nameBytes))
  })

  it('is signed with HMAC-SHA-256, for keys of any length', () => {
    for (const length of [32, 63, 64, 65, 200]) {
      const bytes = fromBase64url(new TokenKeys(`k1:${secret(9, length)}`).sign(token))
      const fields = bytes.subarray(0, -16)
      const mac = createHmac('sha256', Buffer.alloc(length, 9)).update(fields).digest()
      expect(Buffer.from(bytes.subarray(-16)).toString('hex')).toBe(mac.toString('hex', 0, 16))
    }
  })

  it('is refused after any change of a bit', () => {
    const bytes = fromBase64url(keys.sign(token))
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(thrownBy(() => keys.verify(toBase64url(changed), 0))).toBeInstanceOf(HalfsecondError)
    }
  })

  it('is valid until it expires', () => {
    const text = keys.sign(token)
    expect(keys.verify(text, token.expiresAt)).toStrictEqual(token)
    expect(thrownBy(() => keys.verify(text, token.expiresAt + 1))).toMatchObject({
      code: 'FORBIDDEN',
      message: 'the token expired at 2025-10-10T08:53:20.000Z',
    })
  })

  it('is verified with every live key and signed with the first', () => {
    const rotated = new TokenKeys(`k2:${secret(2)}, k1:${secret(1)}`)
    expect(rotated.verify(keys.sign(token), 0)).toStrictEqual(token)
    expect(thrownBy(() => keys.verify(rotated.sign(token), 0))).toMatchObject({ code: 'FORBIDDEN' })
  })

  it('is refused where a key of the same name is another key', () => {
    const other = new TokenKeys(`k1:${secret(3)}`)
    expect(thrownBy(() => other.verify(keys.sign(token), 0))).toMatchObject({ code: 'FORBIDDEN' })
  })

  it.each(['', 'a', 'AAAA', 'not a token', '../..', 'gA', 'A'.repeat(2_000), 'é', '%00'])(
    'is not %j',
    (text) => {
      expect(thrownBy(() => keys.verify(text, 0))).toMatchObject({ code: 'MALFORMED' })
    },
  )

  it('is not any other text, which is refused with an error of ours', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.uint8Array({ maxLength: 200 }).map(toBase64url)),
        (text) => {
          expect(thrownBy(() => keys.verify(text, 0))).toBeInstanceOf(HalfsecondError)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ['', 'nothing'],
    ['k1', 'no secret'],
    [`:${secret(1)}`, 'no id'],
    [`k1:${secret(1, 31)}`, '31 bytes'],
    [`k1:${secret(1)}:x`, 'a third part'],
    [`k 1:${secret(1)}`, 'a space in the id'],
    [`k1:${secret(1)},`, 'an empty second key'],
  ])('has no key of %j: %s', (text) => {
    expect(thrownBy(() => new TokenKeys(text))).toMatchObject({ code: 'INVALID' })
  })
})

describe('a landing', () => {
  const device = parseIdentifier('anon:b')

  it.each(['user:17', 'crm:991', 'email:ann@example.org', 'phone:+442079460000'])(
    'links the device to the reader %s',
    (reader) => {
      const key = parseIdentifier(reader)

      expect(landingLink({ ...token, key }, device)).toEqual({
        kind: 'link',
        key: device,
        to: key,
        strength: 'authenticated',
      })
    },
  )

  it('is none by a token of a device, nor of what is no device', () => {
    const mail = { ...token, key: parseIdentifier('email:ann@example.org') }

    expect(thrownBy(() => landingLink(token, device))).toMatchObject({ code: 'INVALID' })
    expect(thrownBy(() => landingLink(mail, parseIdentifier('user:17')))).toMatchObject({
      code: 'INVALID',
    })
  })
})
