import { connect } from 'node:net'

export interface RawAnswer {
  /** 0 where the connection was cut without an answer. */
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Sends bytes as they are, and reads until the server closes the connection. */
export function sendRaw(port: number, bytes: string | Uint8Array): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.setTimeout(8_000, () => socket.destroy(new Error('no answer')))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.on('close', () => resolve(parse(Buffer.concat(chunks).toString())))
  })
}

/** A request of one body, after which the connection ends. */
export function requestOf(
  method: string,
  path: string,
  headers: readonly string[],
  body: string | Uint8Array = '',
): Uint8Array {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: h',
    'connection: close',
    ...headers,
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)])
}

function parse(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const head = end < 0 ? text : text.slice(0, end)
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0)
  return { status, head, body: end < 0 ? '' : text.slice(end + 4) }
}
