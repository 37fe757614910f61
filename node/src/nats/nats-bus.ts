import type { Bus } from '../runtime/ports.ts'
import type { Nats } from './connection.ts'

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
