import {
  HalfsecondError,
  parseNatsAddress,
  toHalfsecondError,
  withoutCredentials,
} from '@halfsecond/protocol'
import {
  connect,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node'
import type { Observer } from '../runtime/ports.ts'
import { Requests } from './requests.ts'

/** The least server that we are tested with: fsync per batch, and the API that we use. */
const serverMin = [2, 12, 12] as const

/**
 * Where answers to nodes arrive, and what they read of the log. Apart from the `_INBOX` of channels,
 * who could else listen to it.
 */
export const nodeInbox = '_INBOX_NODE'

/**
 * A connection to NATS. The only place of a node that subscribes: what a callback throws would end
 * the connection's read loop for minutes, so `listen` catches and reports it.
 */
export class Nats {
  readonly connection: NatsConnection
  private readonly observer: Observer
  private up = true
  private isClosing = false
  private readonly onState = new Set<(isUp: boolean) => void>()
  private readonly requests: Requests

  private constructor(connection: NatsConnection, observer: Observer) {
    this.connection = connection
    this.observer = observer
    this.requests = new Requests(connection, nodeInbox)
    this.listen(this.requests.subject, (message) => this.requests.replied(message))
    void this.watch()
  }

  /** @throws HalfsecondError `UNAVAILABLE`, or `INVALID` where the server is too old */
  static async connect(url: string, name: string, observer: Observer): Promise<Nats> {
    const { servers, login } = parseNatsAddress(url)
    let connection: NatsConnection
    try {
      connection = await connect({
        servers: [...servers],
        ...login,
        name,
        inboxPrefix: nodeInbox,
        noAsyncTraces: true,
        pingInterval: 5_000,
        maxPingOut: 2,
        timeout: 5_000,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 200,
        reconnectJitter: 300,
        ignoreAuthErrorAbort: true,
      })
    } catch (error) {
      throw toHalfsecondError(
        error,
        'UNAVAILABLE',
        `cannot connect to NATS at ${withoutCredentials(url)}: is nats-server running there?`,
      )
    }
    const version = connection.info?.version ?? '0'
    if (!isAtLeast(version, serverMin)) {
      await connection.close()
      throw new HalfsecondError(
        'INVALID',
        `nats-server ${version} is too old: ${serverMin.join('.')} is the least that works, 2.15 is recommended`,
      )
    }
    return new Nats(connection, observer)
  }

  get isUp(): boolean {
    return this.up
  }

  /** Calls back when the connection breaks and when it is back. */
  watchState(listener: (isUp: boolean) => void): void {
    this.onState.add(listener)
  }

  /** @param queue of all subscriptions with this name, one gets each message */
  listen(subject: string, handle: (message: Msg) => void, queue?: string): Subscription {
    return this.connection.subscribe(subject, {
      ...(queue !== undefined && { queue }),
      callback: (error, message) => {
        try {
          if (error) throw error
          handle(message)
        } catch (thrown) {
          this.report(`message on ${subject}`, thrown)
        }
      },
    })
  }

  report(what: string, thrown: unknown): void {
    this.observer.failed(what, toHalfsecondError(thrown, 'UNAVAILABLE', 'a handler failed'))
  }

  publish(subject: string, bytes: Uint8Array | string, reply?: string, headers?: MsgHdrs): void {
    const to = reply === undefined ? {} : { reply }
    this.connection.publish(subject, bytes, headers === undefined ? to : { ...to, headers })
  }

  /**
   * Rejects with `UNAVAILABLE` at once where nobody answers or the connection is or goes down (the
   * library would wait), with `TIMEOUT` otherwise.
   */
  request(
    subject: string,
    bytes: Uint8Array | string,
    timeoutMs: number,
    headers?: MsgHdrs,
  ): Promise<Msg> {
    if (!this.up) return Promise.reject(new HalfsecondError('UNAVAILABLE', 'no connection to NATS'))
    return this.requests.ask(subject, bytes, timeoutMs, headers)
  }

  async close(): Promise<void> {
    this.isClosing = true
    await this.connection.drain().catch(() => this.connection.close())
  }

  private async watch(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === 'disconnect' || type === 'staleConnection') this.state(false)
      if (type === 'reconnect') this.state(true)
    }
    this.state(false)
  }

  private state(isUp: boolean): void {
    if (this.up === isUp) return
    this.up = isUp
    if (!isUp)
      this.requests.fail(new HalfsecondError('UNAVAILABLE', 'the connection to NATS broke'))
    if (!this.isClosing) {
      this.observer.noted(
        isUp ? 'info' : 'warn',
        isUp ? 'NATS is back' : 'NATS is away: decides go on from memory',
      )
    }
    for (const listener of this.onState) listener(isUp)
  }
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split('-')[0]?.split('.').map(Number) ?? []
  for (const [index, wanted] of least.entries()) {
    const part = parts[index] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}
