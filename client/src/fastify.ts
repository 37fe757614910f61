import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Client } from './client.ts'
import { recognition, type VisitorsOptions } from './recognition.ts'
import type { Visitor } from './visitor.ts'

export type { Consent, UserId, VisitorsOptions } from './recognition.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who this request is from; set by the plugin of `@halfsecond/client/fastify`. */
    visitor: Visitor
  }
}

/**
 * Fastify plugin that sets `request.visitor`: the browser by a signed first-party cookie, which the
 * first hit that may be recognised gets, and the customer by your own login. Register it before your routes.
 * @throws HalfsecondError `INVALID` for faulty or, in production, missing cookie keys
 */
export function visitors(
  client: Client,
  options: VisitorsOptions<FastifyRequest> = {},
): FastifyPluginAsync {
  const recognise = recognition(client, options.cookieKeys, process.env)
  const plugin = async (app: FastifyInstance) => {
    app.decorateRequest('visitor')
    app.addHook('onRequest', async (request, reply) => {
      const { cookie, 'sec-gpc': privacy } = request.headers
      request.visitor = await recognise({
        cookie,
        privacy,
        isSecure: options.secure ?? request.protocol === 'https',
        isBot: options.isBot?.(request),
        user: await options.user?.(request),
        consent: await options.consent?.(request),
        setCookie: (header) => {
          if (reply.sent) return false
          reply.header('set-cookie', header)
          return true
        },
      })
    })
  }
  // As fastify-plugin does: the hook is for the routes of the application, not of this plugin alone.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'halfsecond-visitors',
  })
}
