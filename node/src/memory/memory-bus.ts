import { HalfsecondError, toHalfsecondError } from '@halfsecond/protocol'
import { CountedHandler } from '../runtime/counted-handler.ts'
import type { Bus, Clock, Observer, SharedHandler } from '../runtime/ports.ts'

type Handler = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>
type Deliver = (bytes: Uint8Array) => void

/** A message on its way from one node to another. */
export interface Passage {
  readonly kind: 'publication' | 'request' | 'reply'
  readonly from: string
  readonly to: string
  readonly subject: string
}

/**
 * The network between nodes in one process, for tests and simulation: each message takes the time
 * that `fate` says, on the clock, and what is sent to two nodes travels apart.
 */
export class MemoryBusNetwork {
  /** After how many milliseconds each copy of a message arrives: one is usual, none is a loss. */
  fate: (passage: Passage) => readonly number[] = () => [0]
  private readonly clock: Clock
  private readonly buses = new Set<MemoryBus>()
  private groups: readonly (readonly string[])[] = []
  private turns = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** A node's connection. A node that starts again connects again, once the earlier one is closed. */
  connect(node: string, observer: Observer): MemoryBus {
    const bus = new MemoryBus(node, this, this.clock, observer, () => this.buses.delete(bus))
    this.buses.add(bus)
    return bus
  }

  /**
   * From now on, messages between nodes of different groups are lost, also those on their way. A
   * node of no group reaches all.
   */
  partition(...groups: readonly (readonly string[])[]): void {
    this.groups = groups
  }

  heal(): void {
    this.groups = []
  }

  /** All that are connected, in the order in which they connected. */
  get connected(): readonly MemoryBus[] {
    return [...this.buses].filter(({ isUp }) => isUp)
  }

  /** One of several, each in turn. */
  oneOf<T>(several: readonly T[]): T | undefined {
    return several[this.turns++ % Math.max(1, several.length)]
  }

  /** Carries a message: each copy of it calls `deliver` when it arrives. */
  carry(passage: Passage, bytes: Uint8Array, deliver: Deliver): void {
    const copy = new Uint8Array(bytes)
    for (const ms of this.fate(passage)) {
      this.clock.after(ms, () => {
        if (this.reaches(passage.from, passage.to)) deliver(copy)
      })
    }
  }

  private reaches(from: string, to: string): boolean {
    const groupOf = (node: string) => this.groups.findIndex((group) => group.includes(node))
    const [one, other] = [groupOf(from), groupOf(to)]
    return one === other || one === -1 || other === -1
  }
}

export class MemoryBus implements Bus {
  readonly node: string
  /** While false, the node's connection is down: it sends and hears nothing, and knows it. */
  isUp = true
  private readonly network: MemoryBusNetwork
  private readonly clock: Clock
  private readonly observer: Observer
  private readonly leave: () => void
  private readonly handlers = new Map<string, Handler>()
  private readonly shared = new Map<string, SharedHandler>()
  private readonly listeners: { readonly pattern: string; readonly hear: Deliver }[] = []

  constructor(
    node: string,
    network: MemoryBusNetwork,
    clock: Clock,
    observer: Observer,
    leave: () => void,
  ) {
    this.node = node
    this.network = network
    this.clock = clock
    this.observer = observer
    this.leave = leave
  }

  serve(subject: string, handler: Handler): void {
    this.handlers.set(subject, handler)
  }

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

  /** Goes to all who serve the subject, and to one of those who share it; the first reply counts. */
  request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const sharing = this.sharing(subject)
    const asked = this.isUp
      ? this.network.connected.filter((one) => one.handlers.has(subject) || one === sharing)
      : []
    if (asked.length === 0)
      return Promise.reject(new HalfsecondError('UNAVAILABLE', `nobody answers on ${subject}`))
    return new Promise((resolve, reject) => {
      const timer = this.clock.after(timeoutMs, () =>
        reject(new HalfsecondError('TIMEOUT', `no answer on ${subject} within ${timeoutMs} ms`)),
      )
      const answered: Deliver = (reply) => {
        if (!this.isUp) return
        timer.cancel()
        resolve(reply)
      }
      for (const other of asked) {
        this.network.carry(this.passage('request', other, subject), bytes, (arrived) => {
          void other.answer(subject, arrived, (reply) =>
            this.network.carry(other.passage('reply', this, subject), reply, answered),
          )
        })
      }
    })
  }

  publish(subject: string, bytes: Uint8Array): void {
    if (!this.isUp) return
    for (const other of this.network.connected) {
      if (!other.listeners.some(({ pattern }) => matches(pattern, subject))) continue
      this.network.carry(this.passage('publication', other, subject), bytes, (arrived) =>
        other.hear(subject, arrived),
      )
    }
    const sharing = this.sharing(subject)
    if (sharing === undefined) return
    this.network.carry(this.passage('publication', sharing, subject), bytes, (arrived) => {
      void sharing.answer(subject, arrived, undefined)
    })
  }

  /** Who of those who share a subject gets a message. */
  private sharing(subject: string): MemoryBus | undefined {
    return this.network.oneOf(this.network.connected.filter(({ shared }) => shared.has(subject)))
  }

  listen(subject: string, handler: Deliver): void {
    this.listeners.push({ pattern: subject, hear: handler })
  }

  close(): Promise<void> {
    this.isUp = false
    this.handlers.clear()
    this.shared.clear()
    this.listeners.splice(0)
    this.leave()
    return Promise.resolve()
  }

  private passage(kind: Passage['kind'], to: MemoryBus, subject: string): Passage {
    return { kind, from: this.node, to: to.node, subject }
  }

  private hear(subject: string, bytes: Uint8Array): void {
    if (!this.isUp) return
    for (const { pattern, hear } of this.listeners) {
      if (!matches(pattern, subject)) continue
      try {
        hear(bytes)
      } catch (error) {
        this.report(`message on ${subject}`, error)
      }
    }
  }

  /** @param reply undefined for what was published */
  private async answer(
    subject: string,
    bytes: Uint8Array,
    reply: Deliver | undefined,
  ): Promise<void> {
    const handler = this.isUp ? (this.handlers.get(subject) ?? this.shared.get(subject)) : undefined
    if (handler === undefined) return
    try {
      const answer = await handler(bytes, reply !== undefined)
      if (this.isUp) reply?.(answer)
    } catch (error) {
      this.report(`request on ${subject}`, error)
    }
  }

  private report(what: string, error: unknown): void {
    this.observer.failed(what, toHalfsecondError(error, 'UNAVAILABLE', 'a handler failed'))
  }
}

/** Token by token, of which `*` is any one. */
function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const tokens = subject.split('.')
  return (
    wanted.length === tokens.length &&
    wanted.every((token, i) => token === '*' || token === tokens[i])
  )
}
