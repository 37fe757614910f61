import type { MemoryBus } from '../../src/memory/memory-bus.ts'
import type { Bus, SharedHandler } from '../../src/runtime/ports.ts'
import type { Life } from './life.ts'

type Handler = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>

/** Told of every request that a node answered. */
export type Answered = (subject: string, request: Uint8Array, reply: Uint8Array) => void

/** The bus as one life of a process has it. */
export class LifeBus implements Bus {
  private readonly life: Life
  private readonly inner: MemoryBus
  private readonly answered: Answered

  constructor(life: Life, inner: MemoryBus, answered: Answered = () => {}) {
    this.life = life
    this.inner = inner
    this.answered = answered
  }

  serve(subject: string, handler: Handler): void {
    this.inner.serve(subject, (bytes) => this.entered(subject, bytes, () => handler(bytes)))
  }

  serveShared(subject: string, handler: SharedHandler): { close(): Promise<void> } {
    return this.inner.serveShared(subject, (bytes, isAsked) =>
      this.entered(subject, bytes, () => handler(bytes, isAsked)),
    )
  }

  request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.life.told(this.inner.request(subject, bytes, timeoutMs))
  }

  publish(subject: string, bytes: Uint8Array): void {
    this.inner.publish(subject, bytes)
  }

  listen(subject: string, handler: (bytes: Uint8Array) => void): void {
    this.inner.listen(subject, (bytes) => this.life.enter(() => handler(bytes)))
  }

  close(): Promise<void> {
    return this.inner.close()
  }

  private entered(
    subject: string,
    bytes: Uint8Array,
    handle: () => Uint8Array | Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.life.enter(() => {
        const answer = async () => handle()
        answer().then((reply) => {
          this.answered(subject, bytes, reply)
          resolve(reply)
        }, reject)
      })
    })
  }
}
