import type { Client } from './client.ts'
import { recognition, type VisitorsOptions } from './recognition.ts'
import type { Visitor } from './visitor.ts'

export type { Consent, UserId, VisitorsOptions } from './recognition.ts'

declare global {
  // biome-ignore lint/style/noNamespace: where the types of Express let a middleware add to a request
  namespace Express {
    interface Request {
      /** Who this request is from; set by the middleware of `@halfsecond/client/express`. */
      visitor: Visitor
    }
  }
}

/** What the middleware needs of a request of Express, or of anything like it. */
export interface ExpressRequest {
  readonly headers: {
    readonly cookie?: string | undefined
    readonly 'sec-gpc'?: string | string[] | undefined
  }
  /** Whether it came by https; behind a proxy as far as `trust proxy` says. */
  readonly secure: boolean
  visitor: Visitor
}

export interface ExpressResponse {
  readonly headersSent: boolean
  append(name: string, value: string): unknown
}

/**
 * Express middleware that sets `req.visitor`: the browser by a signed first-party cookie, which the
 * first hit that may be recognised gets, and the customer by your own login.
 * @throws HalfsecondError `INVALID` for faulty or, in production, missing cookie keys
 */
export function visitors<Request extends ExpressRequest = ExpressRequest>(
  client: Client,
  options: VisitorsOptions<Request> = {},
): (req: Request, res: ExpressResponse, next: (error?: unknown) => void) => Promise<void> {
  const recognise = recognition(client, options.cookieKeys, process.env)
  return async (req, res, next) => {
    try {
      const { cookie, 'sec-gpc': privacy } = req.headers
      req.visitor = await recognise({
        cookie,
        privacy,
        isSecure: options.secure ?? req.secure,
        isBot: options.isBot?.(req),
        user: await options.user?.(req),
        consent: await options.consent?.(req),
        setCookie: (header) => {
          if (res.headersSent) return false
          res.append('Set-Cookie', header)
          return true
        },
      })
    } catch (error) {
      next(error)
      return
    }
    next()
  }
}
