import { fastify } from 'fastify'
import { visitors } from '../src/fastify.ts'
import { webFrameworkSuite } from './suites/web-framework-suite.ts'

webFrameworkSuite('Fastify', async ({ client, cookieKeys, user, secure, visit }) => {
  const site = fastify()
  await site.register(
    visitors(client, {
      cookieKeys,
      user: ({ headers }) => user?.(String(headers['x-user'] ?? '') || undefined),
      ...(secure !== undefined && { secure }),
    }),
  )
  site.get('/', async ({ visitor }) => {
    visit(visitor)
    return ''
  })
  const url = await site.listen({ host: '127.0.0.1', port: 0 })
  return { url, stop: () => site.close() }
})
