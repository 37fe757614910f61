import { HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import type { Client } from './client.ts'
import {
  type CookieKeys,
  cookieKeysOf,
  cookieName,
  cookieValues,
  dropCookie,
  setCookie,
} from './cookie.ts'
import { Lately } from './lately.ts'
import { Permission, personalise } from './permission.ts'
import type { Visitor } from './visitor.ts'

/** Options of `visitors`, for requests of a web framework. */
export interface VisitorsOptions<Request> {
  /**
   * The id of the customer who is logged in with this request, if any: becomes `user:<id>`.
   * What it throws goes to the framework's error handling.
   */
  readonly user?: (request: Request) => UserId | Promise<UserId>
  /**
   * Whether this visitor agreed to be recognised, as your consent banner knows it: true, false, or
   * undefined while they were not asked. Default: the playbook's `consent` decides who is not asked,
   * and a browser that sends `Sec-GPC: 1` refuses, unless this says true.
   */
  readonly consent?: (request: Request) => Consent | Promise<Consent>
  /**
   * Whether nobody is there to see it, as of a crawler: such a request gets no cookie and leaves no
   * records, and its decisions are default content that counts nowhere. Default: all are people. Take
   * a list of robots that somebody keeps, like the package `isbot`.
   */
  readonly isBot?: (request: Request) => boolean
  /** Keys that cookies are signed with: `id:base64,…`. Default: HALFSECOND_COOKIE_KEYS. */
  readonly cookieKeys?: string
  /**
   * Whether visitors come by https. Default: what the framework says of the request; set it where
   * a proxy speaks TLS and the framework does not trust it.
   */
  readonly secure?: boolean
}

export type UserId = string | number | null | undefined

export type Consent = boolean | undefined

/** What recognition needs of a request, and of its answer. */
export interface Hit {
  readonly cookie: string | undefined
  readonly isSecure: boolean
  /** Whether it is no person's; false by default. */
  readonly isBot?: boolean | undefined
  readonly user: UserId
  /** What the site's own function says. */
  readonly consent: Consent
  /** The header `Sec-GPC`: the browser's own objection. */
  readonly privacy: unknown
  /** Adds a `Set-Cookie` header, then or later; false where the answer has begun. */
  readonly setCookie: (header: string) => boolean
}

/**
 * Tells who a request is from: the browser by its signed cookie, the customer by the site's own
 * login. A cookie that is missing, malformed or not ours is replaced by a new anonymous id; one
 * signed with an older key is signed again. Who refused loses the cookie, which is recorded once;
 * who refused or has yet to be asked gets none.
 * @throws HalfsecondError `INVALID` for faulty or, in production, missing keys
 */
export function recognition(
  client: Client,
  cookieKeys: string | undefined,
  env: NodeJS.ProcessEnv,
): (hit: Hit) => Promise<Visitor> {
  const keys = cookieKeysOf(cookieKeys, env)
  const told = new Lately()
  return async (hit) => {
    const { isSecure, user, consent } = hit
    if (hit.isBot === true) return client.bot({ anon: keys.issue().id })
    const known = knownIn(hit, keys)
    const { id, value } = known ? { id: known.id, value: keys.sign(known.id) } : keys.issue()
    const isRefused = consent === false || (hit.privacy === '1' && consent !== true)
    const isGiven = !isRefused && (consent === true || (await client.consentMode()) === 'assumed')
    const send = (header: string) => {
      if (!hit.setCookie(header)) client.problem(tooLate())
    }
    const isKnown = known !== undefined || hasLogin(user)
    const permission = new Permission(isGiven, isKnown, (isNowGiven) =>
      send(isNowGiven ? setCookie(value, isSecure) : dropCookie(isSecure)),
    )
    if (isGiven && !known?.isCurrent) send(setCookie(value, isSecure))
    if (isRefused && known) send(dropCookie(isSecure))
    // Nodes decide by what is recorded: what the site alone knows, they do not.
    const isNews = isRefused ? known !== undefined : consent === true && !client.isConsentAssumed
    const visitor = visitorOf(client, permission, id, user)
    if (isNews && (isRefused || told.isFirst(`${id} ${user ?? ''}`))) {
      void client.visitor({ anon: id }).consent(personalise, isGiven)
      // What a browser refuses holds for whoever is linked to it; what it grants, only if they are.
      if (isGiven && hasLogin(user)) void visitor.consent(personalise, true)
    }
    return visitor
  }
}

/** The browser's id, where it brings a cookie of ours. */
function knownIn({ cookie, isSecure }: Hit, keys: CookieKeys): ReturnType<CookieKeys['read']> {
  for (const value of cookieValues(cookie, cookieName(isSecure))) {
    const known = keys.read(value)
    if (known !== undefined) return known
  }
  return undefined
}

/** A login that cannot be an identifier must not take the page down: then it is the browser alone. */
function visitorOf(client: Client, permission: Permission, anon: string, user: UserId): Visitor {
  try {
    return client.visitorWith(permission, { anon, user: hasLogin(user) ? user : undefined })
  } catch (thrown) {
    client.problem(toHalfsecondError(thrown, 'INVALID', 'cannot recognise the customer'))
    return client.visitorWith(permission, { anon })
  }
}

function hasLogin(user: UserId): user is string | number {
  return user !== null && user !== undefined && user !== ''
}

function tooLate(): HalfsecondError {
  return new HalfsecondError(
    'INVALID',
    'the answer has begun without the cookie: call visitor.consent before you send anything',
  )
}
