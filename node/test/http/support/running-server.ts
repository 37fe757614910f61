import { onTestFinished } from 'vitest'
import { HttpServer, type HttpServerOptions } from '../../../src/http/http-server.ts'
import type { NodeApi } from '../../../src/runtime/node-api.ts'

export interface RunningServer {
  readonly server: HttpServer
  readonly url: string
  readonly adminUrl: string
  readonly port: number
  readonly adminPort: number
  /** Answers as they were observed: `/v1/events 200`. */
  readonly answered: readonly string[]
  readonly failures: readonly Error[]
}

/** A server on free ports that ends with the test. */
export async function startServer(
  api: NodeApi,
  options: Partial<HttpServerOptions> = {},
): Promise<RunningServer> {
  const answered: string[] = []
  const failures: Error[] = []
  const server = await HttpServer.make(
    {
      host: '127.0.0.1',
      port: 0,
      adminHost: '127.0.0.1',
      adminPort: 0,
      version: '0.1.0',
      ...options,
    },
    api,
    {
      contentType: 'text/plain; version=0.0.4',
      metrics: async () => 'halfsecond_actors 1\n',
      answered: (route, status) => answered.push(`${route} ${status}`),
      failed: (_what, error) => failures.push(error),
    },
  )
  const { port, adminPort } = await server.listen()
  onTestFinished(() => server.close())
  const url = `http://127.0.0.1:${port}`
  const adminUrl = `http://127.0.0.1:${adminPort}`
  return { server, url, adminUrl, port, adminPort, answered, failures }
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly headers: Headers
  /** Parsed JSON, or text. */
  readonly body: unknown
}

export async function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return read(await fetch(url, { headers }))
}

export async function post(url: string, body: unknown): Promise<Answer> {
  return postAs(url, 'application/json', JSON.stringify(body))
}

export async function postAs(url: string, type: string, body: string | Buffer): Promise<Answer> {
  return read(await fetch(url, { method: 'POST', headers: { 'content-type': type }, body }))
}

export async function postBytes(url: string, body: Uint8Array): Promise<Uint8Array> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/msgpack' },
    body: Buffer.from(body),
  })
  return new Uint8Array(await response.arrayBuffer())
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  const body: unknown = type.includes('json') && !type.includes('nd') ? JSON.parse(text) : text
  return { status: response.status, type, headers: response.headers, body }
}
