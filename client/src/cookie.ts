import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { HalfsecondError } from '@halfsecond/protocol'

/*
 * The first-party cookie that names a browser: `v1.<22-char id>.<keyId>.<22-char MAC>`. Signed, so
 * that nobody can write into a stranger's profile by guessing or planting an id.
 */

/** The longest age that browsers keep. */
const maxAgeSeconds = 400 * 24 * 60 * 60

const idBytes = 16
const macBytes = 16
const keyBytes = 32

const form = /^v1\.([\w-]{22})\.([\w-]{1,32})\.([\w-]{22})$/

interface Key {
  readonly id: string
  readonly secret: Uint8Array
}

/** Signs and reads cookies: the first key signs, every one verifies. */
export class CookieKeys {
  private readonly keys: readonly [Key, ...Key[]]

  /**
   * @param text `id:base64,id:base64`, as in HALFSECOND_COOKIE_KEYS; keys of at least 32 bytes
   * @throws HalfsecondError `INVALID`
   */
  constructor(text: string) {
    const [first, ...others] = text.split(',').map(parseKey)
    if (first === undefined) throw new HalfsecondError('INVALID', 'no cookie key')
    this.keys = [first, ...others]
  }

  /** A value for a browser that is not known yet. */
  issue(): { readonly id: string; readonly value: string } {
    const id = randomBytes(idBytes).toString('base64url')
    return { id, value: this.sign(id) }
  }

  sign(id: string): string {
    const [key] = this.keys
    const signed = `v1.${id}.${key.id}`
    return `${signed}.${mac(key, signed).toString('base64url')}`
  }

  /**
   * The id in a value that we signed, or undefined.
   * `isCurrent` tells whether the key that signs now signed it: another one will be withdrawn.
   */
  read(value: string): { readonly id: string; readonly isCurrent: boolean } | undefined {
    const [, id, keyId, signature] = form.exec(value) ?? []
    const key = this.keys.find((one) => one.id === keyId)
    if (id === undefined || signature === undefined || key === undefined) return undefined
    const given = Buffer.from(signature, 'base64url')
    const isOurs = timingSafeEqual(mac(key, `v1.${id}.${key.id}`), given)
    return isOurs ? { id, isCurrent: key === this.keys[0] } : undefined
  }
}

function parseKey(text: string): Key {
  const [id = '', base64 = '', ...rest] = text.trim().split(':')
  const secret = Buffer.from(base64, 'base64')
  if (!/^[\w-]{1,32}$/.test(id) || rest.length > 0 || secret.length < keyBytes) {
    throw new HalfsecondError(
      'INVALID',
      'a cookie key is id:base64 of at least 32 bytes; make one with: openssl rand -base64 32',
    )
  }
  return { id, secret }
}

function mac(key: Key, signed: string): Buffer {
  return createHmac('sha256', key.secret).update(signed).digest().subarray(0, macBytes)
}

let randomKeys: CookieKeys | undefined

/**
 * The keys of an environment. Without any, random ones for the life of the process, with a warning:
 * enough to try things out.
 * @throws HalfsecondError `INVALID` for a faulty text, and for none in production, where every
 *   restart and every further process would take all visitors for new ones
 */
export function cookieKeysOf(text: string | undefined, env: NodeJS.ProcessEnv): CookieKeys {
  const keys = text ?? env.HALFSECOND_COOKIE_KEYS
  if (keys !== undefined && keys !== '') return new CookieKeys(keys)
  const advice =
    'set HALFSECOND_COOKIE_KEYS to id:base64, the same on all your servers; make a key with: openssl rand -base64 32'
  if (env.NODE_ENV === 'production')
    throw new HalfsecondError('INVALID', `no keys to sign visitors’ cookies with: ${advice}`)
  if (randomKeys === undefined) {
    randomKeys = new CookieKeys(`random:${randomBytes(keyBytes).toString('base64')}`)
    process.emitWarning(`visitors are forgotten when this process ends: ${advice}`, {
      type: 'HalfsecondWarning',
    })
  }
  return randomKeys
}

/** The `__Host-` prefix keeps other hosts of a domain from planting one; it needs https. */
export function cookieName(isSecure: boolean): string {
  return isSecure ? '__Host-hs' : 'hs'
}

/** All values of a cookie in a `Cookie` header: there may be several of one name. */
export function cookieValues(header: string | undefined, name: string): readonly string[] {
  if (header === undefined) return []
  const values: string[] = []
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name)
      values.push(pair.slice(equals + 1).trim())
  }
  return values
}

/** A `Set-Cookie` header. */
export function setCookie(value: string, isSecure: boolean): string {
  return header(value, maxAgeSeconds, isSecure)
}

/** A `Set-Cookie` header that makes the browser forget its cookie. */
export function dropCookie(isSecure: boolean): string {
  return header('', 0, isSecure)
}

function header(value: string, maxAge: number, isSecure: boolean): string {
  const attributes = `Max-Age=${maxAge}; Path=/; HttpOnly; SameSite=Lax`
  return `${cookieName(isSecure)}=${value}; ${attributes}${isSecure ? '; Secure' : ''}`
}
