import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { bounds, toHalfsecondError } from '@halfsecond/protocol'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  fastify,
  type RawServerDefault,
} from 'fastify'
import { Addresses } from './addresses.ts'
import { decodeText, jsonType, msgpackType, parseJson } from './bodies.ts'
import { type Problem, problemFor, problemOf, problemType, RequestError } from './problem.ts'
import { sendProblem } from './results.ts'

/** One listener: what every address of it has in common. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

export interface ListenerUses {
  /** Told of every answer, by the pattern of its address: never by what a caller wrote. */
  readonly answered: (route: string, status: number, seconds: number) => void
  /** Told what went wrong here and is no caller's fault. */
  readonly failed: (what: string, error: Error) => void
  /** Content types whose bodies stay text. */
  readonly textTypes: readonly string[]
}

const limits = {
  /** A frame is the largest thing that anybody sends. */
  bodyLimit: bounds.frameBytes,
  /** Headers and a whole request: slow senders hold a connection and a buffer no longer. */
  headersMs: 5_000,
  requestMs: 10_000,
  /** Above the idle time of common balancers (60 s), so that they close first and lose no request. */
  keepAliveMs: 72_000,
  /** A reader that stopped reading an export, and still holds what it reads from. */
  stalledMs: 120_000,
  /** Each may hold a body: 1 GiB at the very worst. Channel servers share few connections. */
  connections: 4_096,
  /** An address with the longest identifier in it, percent-encoded, and ample headers. */
  headerBytes: 8 * 1024,
  /** The longest identifier as the router sees it: reserved characters as three. */
  paramChars: 1_024,
} as const

export function makeListener(uses: ListenerUses): App {
  const addresses = new Addresses()
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyLimit,
    connectionTimeout: limits.stalledMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    // What still comes over open connections while closing is answered; they are told to close.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    http: {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: 1_000,
      insecureHTTPParser: false,
    },
    routerOptions: { maxParamLength: limits.paramChars },
    clientErrorHandler,
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply, problemOf(error) ?? problemFor('MALFORMED', 'the request cannot be read'))
    },
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.server.maxConnections = limits.connections
  // Bodies are judged where they are read; schemas of bodies and answers document.
  app.setValidatorCompiler((route) =>
    route.httpPart === 'body' ? () => true : TypeBoxValidatorCompiler(route),
  )
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  addParsers(app, uses.textTypes)
  app.addHook('onRoute', ({ url, method }) => addresses.add(url, method))
  app.addHook('onRequest', (request, _reply, done) => {
    done(request.is404 ? addresses.refusal(request.method, request.url) : encodingFault(request))
  })
  app.addHook('onResponse', (request, reply, done) => {
    uses.answered(
      request.routeOptions.url ?? 'unknown',
      reply.statusCode,
      reply.elapsedTime / 1_000,
    )
    done()
  })
  app.setErrorHandler((error, _request, reply) => sendError(reply, error, uses))
  return app
}

function addParsers(app: App, textTypes: readonly string[]): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(msgpackType, { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  app.addContentTypeParser<Buffer>(
    [...new Set([jsonType, ...textTypes])],
    { parseAs: 'buffer' },
    (request, body, done) => {
      try {
        const isText = textTypes.some((type) => request.mediaType === type)
        done(null, isText ? decodeText(body) : parseJson(body))
      } catch (error) {
        done(toHalfsecondError(error, 'MALFORMED', 'the body cannot be read'))
      }
    },
  )
}

/** A small body that unpacks to a huge one would pass every limit here. */
function encodingFault({ headers }: { readonly headers: IncomingMessage['headers'] }) {
  const encoding = headers['content-encoding']
  return encoding === undefined || encoding === 'identity'
    ? undefined
    : new RequestError(415, 'MALFORMED', 'send bodies without Content-Encoding')
}

function sendError(reply: FastifyReply, error: unknown, { failed }: ListenerUses): FastifyReply {
  const problem = problemOf(error)
  if (error instanceof RequestError && error.allow !== undefined) reply.header('allow', error.allow)
  if (problem !== undefined) return sendProblem(reply, problem)
  failed('an HTTP request', error instanceof Error ? error : new Error(String(error)))
  return sendProblem(reply, unexpected)
}

const unexpected: Problem = {
  ...problemFor('UNAVAILABLE', 'the node failed to answer; its log says why'),
  status: 500,
}

/** What the HTTP parser itself refuses: there is no request yet, only a socket. */
function clientErrorHandler(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = parserProblem(error.code)
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} Error\r\ncontent-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

function parserProblem(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW')
    return problemFor('TOO_LARGE', `headers above ${limits.headerBytes} bytes`, 431)
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return problemFor('TIMEOUT', 'the request did not arrive in time', 408)
  return problemFor('MALFORMED', 'not a request of HTTP/1.1')
}
