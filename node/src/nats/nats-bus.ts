import type { Bus, SharedHandler } from '../runtime/ports.ts'
import type { Nats } from './connection.ts'

/** Nodes share subjects under this name. */
const sharingQueue = 'hs'

/** Requests between processes over core NATS. */
export class NatsBus implements Bus {
  private readonly nats: Nats

  constructor(nats: Nats) {
    this.nats = nats
  }

  serve(subject: string, handler: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>): void {
    this.nats.listen(subject, (message) => {
      const reply = handler(message.data)
      if (reply instanceof Promise) {
        void reply.then(
          (bytes) => message.respond(bytes),
          (error: unknown) => this.nats.report(`request on ${subject}`, error),
        )
      } else message.respond(reply)
    })
  }

  serveShared(subject: string, handler: SharedHandler): { close(): Promise<void> } {
    const underWay = new Set<Promise<void>>()
    const subscription = this.nats.listen(
      subject,
      (message) => {
        const isAsked = message.reply !== undefined && message.reply !== ''
        const answered = Promise.resolve(handler(message.data, isAsked))
          .then((bytes) => void (isAsked && message.respond(bytes)))
          .catch((error: unknown) => this.nats.report(`request on ${subject}`, error))
          .finally(() => underWay.delete(answered))
        underWay.add(answered)
      },
      sharingQueue,
    )
    return {
      close: async () => {
        // A connection that has ended has nothing left to drain.
        await subscription.drain().catch(() => undefined)
        await Promise.all(underWay)
      },
    }
  }

  async request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const reply = await this.nats.request(subject, bytes, timeoutMs)
    return reply.data
  }

  publish(subject: string, bytes: Uint8Array): void {
    this.nats.publish(subject, bytes)
  }

  listen(subject: string, handler: (bytes: Uint8Array) => void): void {
    this.nats.listen(subject, (message) => handler(message.data))
  }

  /** The connection is closed by whoever opened it. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}
