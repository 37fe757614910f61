import swagger from '@fastify/swagger'
import { HalfsecondError } from '@halfsecond/protocol'
import { docsPage } from './docs-page.ts'
import type { App } from './listener.ts'
import { problemType } from './problem.ts'
import { ProblemSchema } from './schemas.ts'

/** Adds `/openapi.json` and `/docs`. Before all routes: it lists those that come after. */
export async function describe(app: App, title: string, description: string, version: string) {
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title, description, version } },
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  let page: string | undefined
  app.get('/docs', { schema: { hide: true } }, (_request, reply) => {
    page ??= docsPage(app.swagger())
    return sendPage(reply, page)
  })
}

/** A page that loads nothing from elsewhere and cannot be framed. */
export function sendPage<R extends PageReply>(reply: R, html: string | Buffer): R {
  reply
    .header('content-security-policy', pagePolicy)
    .header('x-content-type-options', 'nosniff')
    .type('text/html; charset=utf-8')
    .send(html)
  return reply
}

interface PageReply {
  header(name: string, value: string): PageReply
  type(type: string): PageReply
  send(body: string | Buffer): PageReply
}

const pagePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** What every route may answer besides its own. */
export const problems = {
  '4xx': {
    description: 'The request is at fault; `code` says how.',
    content: { [problemType]: { schema: ProblemSchema } },
  },
  '5xx': {
    description: 'The node cannot answer now; `retryable` and `Retry-After` say what to do.',
    content: { [problemType]: { schema: ProblemSchema } },
  },
}

/** A body that is to be JSON. @throws HalfsecondError `MALFORMED` where there is none */
export function jsonBody(body: unknown): unknown {
  if (body === undefined || body === null)
    throw new HalfsecondError('MALFORMED', 'the body is empty')
  return body
}

/** The same bytes as fastify sends them: without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
