import { HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import { CountedHandler } from '../runtime/counted-handler.ts'
import type { Bus, Observer, SharedHandler } from '../runtime/ports.ts'

type Handler = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>

/** Requests within one process: the bus of a node that is alone. */
export class InProcessBus implements Bus {
  private readonly observer: Observer
  private readonly handlers = new Map<string, Handler>()
  private readonly shared = new Map<string, SharedHandler>()
  private readonly listeners: {
    readonly pattern: RegExp
    readonly handler: (bytes: Uint8Array) => void
  }[] = []
  private isClosed = false

  constructor(observer: Observer) {
    this.observer = observer
  }

  serve(subject: string, handler: Handler): void {
    this.handlers.set(subject, handler)
  }

  /** This process is the only one: it takes everything. */
  serveShared(subject: string, handler: SharedHandler): { close(): Promise<void> } {
    const counted = new CountedHandler(handler)
    const { handle } = counted
    this.shared.set(subject, handle)
    return {
      close: async () => {
        if (this.shared.get(subject) === handle) this.shared.delete(subject)
        await counted.settled()
      },
    }
  }

  async request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const handler = this.handlers.get(subject) ?? this.answering(subject)
    if (handler === undefined)
      throw new HalfsecondError('UNAVAILABLE', `nobody answers on ${subject}`)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(timeout(subject, timeoutMs)), timeoutMs)
    })
    try {
      return await Promise.race([this.handle(subject, handler, bytes), late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Heard once the publisher's own work is done, as over a network. */
  publish(subject: string, bytes: Uint8Array): void {
    for (const { pattern, handler } of this.listeners) {
      if (pattern.test(subject)) queueMicrotask(() => this.hear(subject, handler, bytes))
    }
    const shared = this.shared.get(subject)
    if (shared === undefined) return
    queueMicrotask(() => {
      if (!this.isClosed) void this.handle(subject, (message) => shared(message, false), bytes)
    })
  }

  listen(subject: string, handler: (bytes: Uint8Array) => void): void {
    const escaped = subject.replaceAll('.', '\\.').replaceAll('*', '[^.]+')
    this.listeners.push({ pattern: new RegExp(`^${escaped}$`), handler })
  }

  close(): Promise<void> {
    this.isClosed = true
    this.handlers.clear()
    this.shared.clear()
    this.listeners.splice(0)
    return Promise.resolve()
  }

  private answering(subject: string): Handler | undefined {
    const shared = this.shared.get(subject)
    return shared && ((bytes) => shared(bytes, true))
  }

  private hear(subject: string, handler: (bytes: Uint8Array) => void, bytes: Uint8Array): void {
    if (this.isClosed) return
    try {
      handler(bytes)
    } catch (error) {
      this.report(`message on ${subject}`, error)
    }
  }

  /** A handler that throws answers nothing: the asker's time runs out. */
  private async handle(subject: string, handler: Handler, bytes: Uint8Array): Promise<Uint8Array> {
    try {
      return await handler(bytes)
    } catch (error) {
      this.report(`request on ${subject}`, error)
      return new Promise<never>(() => {})
    }
  }

  private report(what: string, error: unknown): void {
    this.observer.failed(what, toHalfsecondError(error, 'UNAVAILABLE', 'a handler failed'))
  }
}

function timeout(subject: string, timeoutMs: number): HalfsecondError {
  return new HalfsecondError('TIMEOUT', `no answer on ${subject} within ${timeoutMs} ms`)
}
