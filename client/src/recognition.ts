import { toHalfsecondError } from '@halfsecond/protocol'
import type { Client } from './client.ts'
import { cookieKeysOf, cookieName, cookieValues, setCookie } from './cookie.ts'
import type { Visitor } from './visitor.ts'

/** Options of `visitors`, for requests of a web framework. */
export interface VisitorsOptions<Request> {
  /**
   * The id of the customer who is logged in with this request, if any: becomes `user:<id>`.
   * What it throws goes to the framework's error handling.
   */
  readonly user?: (request: Request) => UserId | Promise<UserId>
  /** Keys that cookies are signed with: `id:base64,…`. Default: HALFSECOND_COOKIE_KEYS. */
  readonly cookieKeys?: string
  /**
   * Whether visitors come by https. Default: what the framework says of the request; set it where
   * a proxy speaks TLS and the framework does not trust it.
   */
  readonly secure?: boolean
}

export type UserId = string | number | null | undefined

/** What recognition needs of a request. */
export interface Hit {
  readonly cookie: string | undefined
  readonly isSecure: boolean
  readonly user: UserId
}

/** Who is there, and the `Set-Cookie` header that the answer needs, if any. */
export interface Recognised {
  readonly visitor: Visitor
  readonly setCookie: string | undefined
}

/**
 * Tells who a request is from: the browser by its signed cookie, the customer by the site's own
 * login. A cookie that is missing, malformed or not ours is replaced by a new anonymous id; one
 * signed with an older key is signed again.
 * @throws HalfsecondError `INVALID` for faulty or, in production, missing keys
 */
export function recognition(
  client: Client,
  cookieKeys: string | undefined,
  env: NodeJS.ProcessEnv,
): (hit: Hit) => Recognised {
  const keys = cookieKeysOf(cookieKeys, env)
  return ({ cookie, isSecure, user }) => {
    for (const value of cookieValues(cookie, cookieName(isSecure))) {
      const known = keys.read(value)
      if (known === undefined) continue
      const renewed = known.isCurrent ? undefined : setCookie(keys.sign(known.id), isSecure)
      return { visitor: visitorOf(client, known.id, user), setCookie: renewed }
    }
    const { id, value } = keys.issue()
    return { visitor: visitorOf(client, id, user), setCookie: setCookie(value, isSecure) }
  }
}

/** A login that cannot be an identifier must not take the page down: then it is the browser alone. */
function visitorOf(client: Client, anon: string, user: UserId): Visitor {
  try {
    return client.visitor({ anon, user: user === null || user === '' ? undefined : user })
  } catch (thrown) {
    client.problem(toHalfsecondError(thrown, 'INVALID', 'cannot recognise the customer'))
    return client.visitor({ anon })
  }
}
