import { isFields, parsePublishAck, subjects } from '@halfsecond/protocol'
import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node'
import type { Clock, SignalText } from '../runtime/ports.ts'

/** An acknowledgement that takes longer is lost: the signals are published again. */
const publishMs = 5_000

/** Publishes are this far apart: what comes meanwhile waits, and goes together. */
export const gatherMs = 250

/** A batch costs a server as much as six signals that come alone, and little for each in it. */
const batchMin = 8

/** A server holds a whole batch in memory, and takes a thousand messages at most. */
const batchMax = 512
const batchCharactersMax = 512 * 1024

/** Of a connection, what publishing takes. */
interface Publishing {
  publish(subject: string, text: string, reply: undefined, about: MsgHdrs): void
  request(
    subject: string,
    text: string,
    timeoutMs: number,
    about: MsgHdrs,
  ): Promise<Pick<Msg, 'string'>>
}

interface Publication {
  readonly shard: number
  readonly signals: readonly SignalText[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Publishes signals of all shards that a node leads. A server writes to disk for each message alone,
 * but once for a batch: so where signals are many, those of a moment become one.
 *
 * G1 signals of one publication are stored in their order; which of two comes first is not said.
 * G2 a publication resolves only once all its signals are durable.
 * G3 of a batch a server stores all or nothing. What it refuses, like one that has a signal which
 *    is there already, is published one by one: what others do not bear concerns only its own shard.
 */
export class SignalPublisher {
  private readonly nats: Publishing
  private readonly clock: Clock
  private readonly random: () => number
  private waiting: Publication[] = []
  private isRunning = false
  private publishedAt = Number.NEGATIVE_INFINITY

  constructor(nats: Publishing, clock: Clock, random: () => number) {
    this.nats = nats
    this.clock = clock
    this.random = random
  }

  /** As `Signals.publish` promises. */
  publish(shard: number, signals: readonly SignalText[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ shard, signals, resolve, reject })
      if (!this.isRunning) void this.run()
    })
  }

  private async run(): Promise<void> {
    this.isRunning = true
    while (this.waiting.length > 0) {
      await this.pause()
      this.publishedAt = this.clock.monotonic()
      const gathered = this.waiting
      this.waiting = []
      for (const some of groupsOf(gathered)) await this.send(some)
    }
    this.isRunning = false
  }

  private async pause(): Promise<void> {
    const left = this.publishedAt + gatherMs - this.clock.monotonic()
    if (left > 0) await new Promise<void>((resolve) => this.clock.after(left, resolve))
  }

  /** Settles all of them; never rejects. */
  private async send(publications: readonly Publication[]): Promise<void> {
    try {
      if (isWorthABatch(publications) && (await this.sendBatch(publications))) {
        for (const { resolve } of publications) resolve()
        return
      }
    } catch (error) {
      for (const { reject } of publications) reject(error)
      return
    }
    await Promise.all(publications.map((one) => this.sendAlone(one)))
  }

  /** Resolves with whether the server took it. Rejects where it did not answer. */
  private async sendBatch(publications: readonly Publication[]): Promise<boolean> {
    const batch = Math.floor(this.random() * 2 ** 48).toString(36)
    const messages = publications.flatMap(({ shard, signals }) =>
      signals.map(({ id, text }) => ({ subject: subjects.signal(shard), id, text })),
    )
    const last = messages.pop()
    if (last === undefined) return true
    const count = messages.length + 1
    for (const [index, { subject, id, text }] of messages.entries())
      this.nats.publish(subject, text, undefined, inBatch(id, batch, index + 1))
    const about = inBatch(last.id, batch, count)
    about.set('Nats-Batch-Commit', '1')
    const reply = await this.nats.request(last.subject, last.text, publishMs, about)
    const answer: unknown = JSON.parse(reply.string())
    return isFields(answer) && answer.error === undefined && answer.count === count
  }

  /** One after the other: their order is all that others can follow by. */
  private async sendAlone({ shard, signals, resolve, reject }: Publication): Promise<void> {
    try {
      for (const { id, text } of signals) {
        const reply = await this.nats.request(subjects.signal(shard), text, publishMs, known(id))
        parsePublishAck(reply.string())
      }
      resolve()
    } catch (error) {
      reject(error)
    }
  }
}

/** By its id a server knows a signal that is published again. */
function known(id: string): MsgHdrs {
  const about = headers()
  about.set('Nats-Msg-Id', id)
  return about
}

function inBatch(id: string, batch: string, place: number): MsgHdrs {
  const about = known(id)
  about.set('Nats-Batch-Id', batch)
  about.set('Nats-Batch-Sequence', String(place))
  return about
}

function isWorthABatch(publications: readonly Publication[]): boolean {
  let count = 0
  let characters = 0
  for (const { signals } of publications) {
    count += signals.length
    for (const { text } of signals) characters += text.length
  }
  return count >= batchMin && count <= batchMax && characters <= batchCharactersMax
}

/** What goes together, in order: one publication is never divided. */
function groupsOf(publications: readonly Publication[]): Publication[][] {
  const groups: Publication[][] = []
  let count = 0
  let characters = 0
  for (const one of publications) {
    const ownCharacters = one.signals.reduce((sum, { text }) => sum + text.length, 0)
    count += one.signals.length
    characters += ownCharacters
    const group = groups.at(-1)
    if (group !== undefined && count <= batchMax && characters <= batchCharactersMax) {
      group.push(one)
    } else {
      groups.push([one])
      count = one.signals.length
      characters = ownCharacters
    }
  }
  return groups
}
