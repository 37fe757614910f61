import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import { visitors } from '../src/express.ts'
import { consentSuite } from './suites/consent-suite.ts'
import { type StartSite, webFrameworkSuite } from './suites/web-framework-suite.ts'

const startSite: StartSite = async (options) => {
  const { client, cookieKeys, user, secure, isBot, consent, visit, later } = options
  const site = express()
  // Errors of these tests are meant: none of them belongs in the output.
  site.set('env', 'test')
  site.use(
    visitors(client, {
      cookieKeys,
      user: (req: express.Request) => user?.(req.get('x-user')),
      ...(secure !== undefined && { secure }),
      ...(isBot && { isBot: (req) => isBot(req.get('user-agent')) }),
      ...(consent && { consent: (req) => consent(req.get('x-consent')) }),
    }),
  )
  site.get('/', async (req, res) => {
    await visit(req.visitor)
    res.end()
    await later?.(req.visitor)
  })
  const server = createServer(site)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

webFrameworkSuite('Express', startSite)
consentSuite('Express', startSite)
