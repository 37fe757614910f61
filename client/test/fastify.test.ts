import { fastify } from 'fastify'
import { visitors } from '../src/fastify.ts'
import { consentSuite } from './suites/consent-suite.ts'
import { type StartSite, webFrameworkSuite } from './suites/web-framework-suite.ts'

const startSite: StartSite = async (options) => {
  const { client, cookieKeys, user, secure, isBot, consent, visit, later } = options
  const site = fastify()
  await site.register(
    visitors(client, {
      cookieKeys,
      user: ({ headers }) => user?.(String(headers['x-user'] ?? '') || undefined),
      ...(secure !== undefined && { secure }),
      ...(isBot && { isBot: ({ headers }) => isBot(headers['user-agent']) }),
      ...(consent && {
        consent: ({ headers }) => consent(String(headers['x-consent'] ?? '') || undefined),
      }),
    }),
  )
  site.get('/', async ({ visitor }, reply) => {
    await visit(visitor)
    await reply.send('')
    await later?.(visitor)
    return reply
  })
  const url = await site.listen({ host: '127.0.0.1', port: 0 })
  return { url, stop: () => site.close() }
}

webFrameworkSuite('Fastify', startSite)
consentSuite('Fastify', startSite)
