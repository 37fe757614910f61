import {
  decode,
  encode,
  HalfsecondError,
  type Identifier,
  importPositions,
  isErrorCode,
  isFields,
  type Outcome,
  type Position,
  parseShardMap,
  type ShardMap,
  toHalfsecondError,
} from '@halfsecond/protocol'
import type { OutcomeDetails } from './outcome-options.ts'
import type { Transport } from './transport.ts'

const publishMs = 10_000
const mapMs = 2_000
const reportMs = 5_000

/** How often the map is asked for without a reason: HTTP has no broadcast. */
const mapEveryMs = 30_000

/** Batches of one turn travel in one request, up to this many bytes. */
const requestBytes = 200 * 1024

const msgpack = 'application/msgpack'

interface Publish {
  readonly shard: number
  readonly batch: Uint8Array
  readonly resolve: (sequence: number) => void
  readonly reject: (error: HalfsecondError) => void
}

/** Speaks the same messages as NATS does to one node's public port. */
export class HttpTransport implements Transport {
  private readonly url: string
  private turn: Publish[] = []
  private listener: (map: ShardMap) => void = () => {}
  private readonly refresher: NodeJS.Timeout
  private isReachable = true
  private readonly underWay = new Set<AbortController>()
  private isClosed = false

  constructor(url: string) {
    this.url = url.replace(/\/+$/, '')
    this.refresher = setInterval(() => void this.map().then(this.listener, () => {}), mapEveryMs)
    this.refresher.unref()
  }

  get isConnected(): boolean {
    return this.isReachable
  }

  onMap(listener: (map: ShardMap) => void): void {
    this.listener = listener
  }

  async map(): Promise<ShardMap> {
    const response = await this.fetch('/v1/map', { headers: { accept: msgpack } }, mapMs)
    return parseShardMap(decode(response))
  }

  publish(shard: number, batch: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.turn.push({ shard, batch, resolve, reject }) === 1) setImmediate(() => this.send())
    })
  }

  /** Whichever node this address leads to passes the frame on. */
  ask(node: string, frame: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.post(`/v1/decide?node=${node}`, frame, timeoutMs)
  }

  outcome(
    token: string,
    outcome: Outcome,
    at: number,
    id: string,
    more: OutcomeDetails,
  ): Promise<Position> {
    return this.report('/v1/outcomes', { token, outcome, at, id, ...more })
  }

  landing(token: string, device: Identifier, at: number, id: string): Promise<Position> {
    return this.report('/v1/landings', { token, device, at, id })
  }

  close(): Promise<void> {
    this.isClosed = true
    clearInterval(this.refresher)
    for (const request of this.underWay) request.abort()
    return Promise.resolve()
  }

  private send(): void {
    const { turn } = this
    this.turn = []
    let request: Publish[] = []
    let bytes = 0
    for (const publish of turn) {
      if (request.length > 0 && bytes + publish.batch.length > requestBytes) {
        void this.sendRequest(request)
        request = []
        bytes = 0
      }
      request.push(publish)
      bytes += publish.batch.length
    }
    void this.sendRequest(request)
  }

  private async sendRequest(request: readonly Publish[]): Promise<void> {
    try {
      const body = encode(request.map(({ shard, batch }) => [shard, batch]))
      const results = readAnswer(await this.post('/v1/events', body, publishMs))
      if (!Array.isArray(results)) throw notOurs()
      request.forEach(({ resolve, reject }, index) => {
        const result: unknown = results[index]
        if (isFields(result) && typeof result.sequence === 'number') resolve(result.sequence)
        else reject(errorIn(result))
      })
    } catch (thrown) {
      const error = toHalfsecondError(thrown, 'UNAVAILABLE', 'cannot reach the node')
      for (const { reject } of request) reject(error)
    }
  }

  private async report(path: string, what: object): Promise<Position> {
    const answer = readAnswer(await this.post(path, encode([what]), reportMs))
    const [result]: unknown[] = Array.isArray(answer) ? answer : []
    if (isFields(result) && typeof result.position === 'string') {
      const [position] = importPositions(result.position)
      if (position) return position
    }
    throw errorIn(result)
  }

  private post(path: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.fetch(
      path,
      { method: 'POST', body, headers: { 'content-type': msgpack, accept: msgpack } },
      timeoutMs,
    )
  }

  private async fetch(path: string, init: RequestInit, timeoutMs: number): Promise<Uint8Array> {
    if (this.isClosed) throw new HalfsecondError('CLOSED', 'the client is closed')
    const request = new AbortController()
    this.underWay.add(request)
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      request.abort()
    }, timeoutMs)
    try {
      const response = await fetch(this.url + path, { ...init, signal: request.signal })
      const bytes = new Uint8Array(await response.arrayBuffer())
      this.isReachable = true
      if (response.ok) return bytes
      throw problemIn(bytes, response.status)
    } catch (cause) {
      if (cause instanceof HalfsecondError) throw cause
      if (this.isClosed) throw new HalfsecondError('CLOSED', 'the client is closed', { cause })
      if (isLate) {
        const message = `no answer from ${this.url} within ${Math.round(timeoutMs)} ms`
        throw new HalfsecondError('TIMEOUT', message, { cause })
      }
      this.isReachable = false
      throw new HalfsecondError('UNAVAILABLE', `cannot reach ${this.url}`, { cause })
    } finally {
      clearTimeout(timer)
      this.underWay.delete(request)
    }
  }
}

/** An error in an answer to several things: `{error: {code, message}}`. */
function errorIn(result: unknown): HalfsecondError {
  const error = isFields(result) && isFields(result.error) ? result.error : undefined
  if (error && isErrorCode(error.code))
    return new HalfsecondError(error.code, String(error.message))
  return notOurs()
}

function readAnswer(bytes: Uint8Array): unknown {
  try {
    return decode(bytes)
  } catch {
    throw notOurs()
  }
}

/** A proxy or a page in between says nothing about what was sent: it may succeed later. */
function notOurs(detail = 'not an answer of a halfsecond node'): HalfsecondError {
  return new HalfsecondError('UNAVAILABLE', detail)
}

/** `application/problem+json`, whatever the request was in. */
function problemIn(bytes: Uint8Array, status: number): HalfsecondError {
  try {
    const problem: unknown = JSON.parse(Buffer.from(bytes).toString())
    if (isFields(problem) && isErrorCode(problem.code))
      return new HalfsecondError(problem.code, String(problem.detail))
  } catch {
    // Not one of our nodes, or a proxy before it: the status says enough.
  }
  const what = `HTTP status ${status}, not from a halfsecond node`
  // A proxy's own bound: fewer records at a time may pass.
  return status === 413 ? new HalfsecondError('TOO_LARGE', what) : notOurs(what)
}
