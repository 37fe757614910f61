import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseNatsAddress, withoutCredentials } from '../src/index.ts'

describe('an address of NATS', () => {
  it('names servers, several by commas, without anybody', () => {
    expect(parseNatsAddress('nats://a:4222, tls://b')).toEqual({
      servers: ['nats://a:4222', 'tls://b'],
      login: {},
    })
  })

  it('brings user and password, whatever they hold once encoded', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 })
    fc.assert(
      fc.property(text, text, (user, pass) => {
        const login = `${encodeURIComponent(user)}:${encodeURIComponent(pass)}`

        expect(parseNatsAddress(`nats://${login}@[::1]:4222,nats://b:4222`)).toEqual({
          servers: ['nats://[::1]:4222', 'nats://b:4222'],
          login: { user, pass },
        })
      }),
    )
  })

  it('takes a single word for a token', () => {
    expect(parseNatsAddress('tls://s3cret@host').login).toEqual({ token: 's3cret' })
  })

  it.each([
    ['another scheme', 'http://u:hidden@host'],
    ['no host', 'nats://u:hidden@'],
    ['a colon in the password', 'nats://u:hid:den@host'],
    ['a broken escape', 'nats://u:hidden%zz@host'],
    ['an at sign in the password', 'nats://u:hidden@x@host'],
    ['two users', 'nats://u:hidden@host,nats://v:hidden@host'],
  ])('is refused with %s, and the fault shows no password', (_, text) => {
    const message = faultOf(text)

    expect(message).toMatch(/^not an address of NATS: /)
    expect(message).not.toContain('hid')
  })

  it('is shown without credentials', () => {
    expect(withoutCredentials('nats://u:p@a:1,tls://t@b,nats://c')).toBe(
      'nats://a:1,tls://b,nats://c',
    )
  })
})

function faultOf(text: string): string {
  try {
    return `accepted: ${JSON.stringify(parseNatsAddress(text))}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
