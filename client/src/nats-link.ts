import {
  type ErrorCode,
  HalfsecondError,
  type NatsAddress,
  toHalfsecondError,
} from '@halfsecond/protocol'
import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node'

/** A server that says nothing for two of these is taken for gone. */
const pingMs = 5_000

interface Waiting {
  readonly resolve: (message: Msg) => void
  readonly reject: (error: HalfsecondError) => void
  readonly timer: NodeJS.Timeout
}

/** What a server tells without being asked, by subject. */
export type Listeners = { readonly [subject: string]: (bytes: Uint8Array) => void }

/** One connection to NATS, which is tried for ever and asked one thing after the other. */
export class NatsLink {
  /** Resolves with the first connection, or once it is closed. */
  readonly connecting: Promise<void>
  private readonly address: NatsAddress
  private readonly name: string
  private readonly listeners: Listeners
  private connection: NatsConnection | undefined
  private readonly waiting = new Map<number, Waiting>()
  private requests = 0
  private inbox = ''
  private isUp = false
  private hasTried = false
  private isClosed = false

  constructor(address: NatsAddress, name: string, listeners: Listeners) {
    this.address = address
    this.name = name
    this.listeners = listeners
    this.connecting = this.open()
  }

  /** Until the first attempt has failed there is hope. */
  get isConnected(): boolean {
    return this.isUp || !this.hasTried
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.failAll(new HalfsecondError('CLOSED', 'the client is closed'))
    await this.connection?.close()
  }

  /** Tries for ever, as a channel server may start before its cluster. */
  private async open(): Promise<void> {
    const { servers, login } = this.address
    while (!this.isClosed) {
      try {
        const connection = await connect({
          servers: [...servers],
          ...login,
          name: this.name,
          noAsyncTraces: true,
          pingInterval: pingMs,
          maxPingOut: 2,
          timeout: 2_000,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 200,
          reconnectJitter: 300,
          ignoreAuthErrorAbort: true,
        })
        this.opened(connection)
        return
      } catch {
        this.hasTried = true
        // Told by the map that cannot be fetched; the next attempt may find the server.
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
    }
  }

  private opened(connection: NatsConnection): void {
    this.connection = connection
    this.isUp = true
    this.hasTried = true
    this.inbox = `_INBOX.${Math.random().toString(36).slice(2, 12)}${Math.random().toString(36).slice(2, 12)}`
    listen(connection, `${this.inbox}.*`, (message) => this.replied(message))
    for (const [subject, take] of Object.entries(this.listeners))
      listen(connection, subject, (message) => take(message.data))
    void this.watch(connection)
    if (this.isClosed) void connection.close()
  }

  /** NATS.js does not fail what is under way when a connection breaks; waiting longer is no use. */
  private async watch(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === 'reconnect') this.isUp = true
      if (type === 'disconnect' || type === 'staleConnection') {
        this.isUp = false
        this.failAll(new HalfsecondError('UNAVAILABLE', 'the connection to NATS broke'))
      }
    }
    this.isUp = false
  }

  /** Rejects with `UNAVAILABLE`, `TIMEOUT` or `CLOSED`. */
  request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Msg> {
    const { connection } = this
    if (connection === undefined || !this.isUp) {
      const code: ErrorCode = this.isClosed ? 'CLOSED' : 'UNAVAILABLE'
      return Promise.reject(new HalfsecondError(code, 'no connection to NATS'))
    }
    return new Promise((resolve, reject) => {
      const id = ++this.requests
      const timer = setTimeout(() => {
        this.waiting.delete(id)
        reject(
          new HalfsecondError(
            'TIMEOUT',
            `no answer on ${subject} within ${Math.round(timeoutMs)} ms`,
          ),
        )
      }, timeoutMs)
      this.waiting.set(id, { resolve, reject, timer })
      try {
        connection.publish(subject, bytes, { reply: `${this.inbox}.${id}` })
      } catch (thrown) {
        this.settle(id)?.reject(
          toHalfsecondError(thrown, 'UNAVAILABLE', `cannot publish to ${subject}`),
        )
      }
    })
  }

  private replied(message: Msg): void {
    const waiting = this.settle(Number(message.subject.slice(this.inbox.length + 1)))
    if (waiting === undefined) return
    if (message.headers?.code === 503) {
      waiting.reject(new HalfsecondError('UNAVAILABLE', 'nobody answers there'))
    } else {
      waiting.resolve(message)
    }
  }

  private settle(id: number): Waiting | undefined {
    const waiting = this.waiting.get(id)
    if (waiting === undefined) return undefined
    this.waiting.delete(id)
    clearTimeout(waiting.timer)
    return waiting
  }

  private failAll(error: HalfsecondError): void {
    for (const id of [...this.waiting.keys()]) this.settle(id)?.reject(error)
  }
}

/**
 * The only way that the client subscribes: what a handler throws would end the connection's read
 * loop, so it is caught here. A faulty message is dropped; whoever waits for it times out.
 */
function listen(connection: NatsConnection, subject: string, handle: (message: Msg) => void): void {
  connection.subscribe(subject, {
    callback: (error, message) => {
      if (error) return
      try {
        handle(message)
      } catch {
        // See above: never out of a callback.
      }
    },
  })
}
