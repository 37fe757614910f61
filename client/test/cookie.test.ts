import { afterEach, describe, expect, it, vi } from 'vitest'
import { CookieKeys, cookieKeysOf, cookieName, cookieValues, setCookie } from '../src/cookie.ts'

const [one, two] = [1, 2].map((byte) => `k${byte}:${Buffer.alloc(32, byte).toString('base64')}`)

describe('a cookie', () => {
  it('names a browser by a random id, signed', () => {
    const keys = new CookieKeys(`${one}`)

    const [first, second] = [keys.issue(), keys.issue()]

    expect(first.value).toMatch(/^v1\.[\w-]{22}\.k1\.[\w-]{22}$/)
    expect(first.id).not.toBe(second.id)
    expect(keys.read(first.value)).toEqual({ id: first.id, isCurrent: true })
  })

  it('is read with every key, and tells whether the first one signed it', () => {
    const old = new CookieKeys(`${one}`).issue()

    const rotated = new CookieKeys(`${two},${one}`)

    expect(rotated.read(old.value)).toEqual({ id: old.id, isCurrent: false })
    expect(rotated.read(rotated.sign(old.id))).toEqual({ id: old.id, isCurrent: true })
  })

  it('is not read where any part of it was changed', () => {
    const keys = new CookieKeys(`${one}`)
    const { value } = keys.issue()

    const changed = [...value].map((sign, place) => {
      const other = sign === 'A' ? 'B' : 'A'
      return value.slice(0, place) + other + value.slice(place + 1)
    })

    // The last character of 16 bytes in base64url has bits that say nothing.
    expect(changed.slice(0, -1).map((text) => keys.read(text))).toEqual(
      changed.slice(0, -1).map(() => undefined),
    )
    expect(new CookieKeys(`${two}`).read(value)).toBeUndefined()
  })

  it.each(['', 'v1', 'v1...', 'v2.a.b.c', `v1.${'a'.repeat(5_000)}.k1.x`, '\u{1F600}'])(
    'is not %j',
    (text) => {
      expect(new CookieKeys(`${one}`).read(text)).toBeUndefined()
    },
  )

  it('is found among others, each of several of its name', () => {
    const header = 'a=1; hs=x; __Host-hs=y;hs=z; hsx=no; =; hs'

    expect(cookieValues(header, 'hs')).toEqual(['x', 'z'])
    expect(cookieValues(header, '__Host-hs')).toEqual(['y'])
    expect(cookieValues(undefined, 'hs')).toEqual([])
  })

  it('stays with the browser for 400 days, out of the reach of scripts', () => {
    expect(setCookie('v', true)).toBe(
      '__Host-hs=v; Max-Age=34560000; Path=/; HttpOnly; SameSite=Lax; Secure',
    )
    expect(setCookie('v', false)).toBe('hs=v; Max-Age=34560000; Path=/; HttpOnly; SameSite=Lax')
    expect(cookieName(false)).toBe('hs')
  })
})

describe('cookie keys', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it.each(['k1', 'k1:', 'k1:c2hvcnQ=', `k.1:${'A'.repeat(44)}`, `${one},`, `${one}:x`])(
    'are not %j',
    (text) => {
      expect(() => new CookieKeys(text)).toThrow(expect.objectContaining({ code: 'INVALID' }))
    },
  )

  it('come from the environment', () => {
    const keys = cookieKeysOf(undefined, { HALFSECOND_COOKIE_KEYS: two, NODE_ENV: 'production' })

    expect(keys.issue().value).toContain('.k2.')
  })

  it('are random for the life of a process without any, with one warning', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()

    const [first, second] = [cookieKeysOf(undefined, {}), cookieKeysOf('', {})]

    expect(second.read(first.issue().value)).toBeDefined()
    expect(warn).toHaveBeenCalledOnce()
    expect(warn.mock.calls[0]?.[0]).toContain('HALFSECOND_COOKIE_KEYS')
  })

  it('must be there in production', () => {
    expect(() => cookieKeysOf(undefined, { NODE_ENV: 'production' })).toThrow(
      expect.objectContaining({ code: 'INVALID' }),
    )
  })
})
