import { HalfsecondError } from './errors.ts'

/** Where a NATS cluster is and who we are there. */
export interface NatsAddress {
  /** Host and port of each server, without credentials. */
  readonly servers: readonly string[]
  readonly login: NatsLogin
}

export type NatsLogin =
  | { readonly user: string; readonly pass: string }
  | { readonly token: string }
  | { readonly [none: string]: never }

/**
 * Reads `nats://user:password@host:4222`, several by commas, or with a token in place of user and
 * password. What is no letter or digit may be percent-encoded; `@`, `/`, `:`, `,` and `%` have to
 * be. One login is for all servers, so that it need not be repeated.
 * @throws HalfsecondError `INVALID`; its message holds no credentials
 */
export function parseNatsAddress(text: string): NatsAddress {
  const logins = new Map<string, NatsLogin>()
  const servers = text.split(',').map((one) => {
    const found = /^(?:nats|tls):\/\/(?:([^@/]*)@)?([^@\s]+)$/.exec(one.trim())
    const [, credentials = '', server] = found ?? []
    if (server === undefined) throw invalid('use nats://host:4222, several by commas')
    if (credentials !== '') logins.set(credentials, loginOf(credentials))
    return one.trim().replace(`${credentials}@`, '')
  })
  if (logins.size > 1) throw invalid('all servers take the same user and password')
  const [login = {}] = logins.values()
  return { servers, login }
}

/** An address, or several, as they may be shown and logged. */
export function withoutCredentials(address: string): string {
  return address.replace(/:\/\/[^/,]*@/g, '://')
}

function loginOf(credentials: string): NatsLogin {
  const [first = '', second, ...others] = credentials.split(':').map(decoded)
  if (others.length > 0) throw invalid('a colon in a password is written %3A')
  return second === undefined ? { token: first } : { user: first, pass: second }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('a per cent sign in a password is written %25')
  }
}

function invalid(message: string): HalfsecondError {
  return new HalfsecondError('INVALID', `not an address of NATS: ${message}`)
}
