import { encode, HalfsecondError } from '@halfsecond/protocol'
import type { Clock, Timer } from '../ports.ts'
import type { ReadRequest } from '../reads.ts'
import { encodeReadPart, type ReadMessage, type ReadPart, readPartBytes } from './read-messages.ts'

/** Long answers given at a time: each holds a part in memory. */
const openMax = 16

/** A part is given after so long, whatever is in it: whoever asked waits for 5 s. */
const partMs = 1_000

/** Whoever does not ask for so long has gone. */
const idleMs = 30_000

export interface ReadDoorDependencies {
  /** Answers from what this node holds itself. */
  readonly read: (request: ReadRequest) => AsyncIterable<Uint8Array>
  readonly clock: Clock
}

/** Answers what other nodes are asked about visitors whose shards are here. */
export class ReadDoor {
  private readonly uses: ReadDoorDependencies
  private readonly answers = new Map<number, LongAnswer>()
  private count = 0

  constructor(uses: ReadDoorDependencies) {
    this.uses = uses
  }

  /** Rejects with `OVERLOADED`, `UNAVAILABLE` for an answer that is over, or what reading threw. */
  async answer(message: ReadMessage): Promise<Uint8Array> {
    if (message.op === 'read') return this.begin(message.request)
    const answer = this.answers.get(message.id)
    if (message.op === 'read.end') {
      if (answer) this.end(message.id, answer)
      return encode({})
    }
    if (answer === undefined)
      throw new HalfsecondError('UNAVAILABLE', 'this node does not give that answer any more')
    return this.part(message.id, answer, message.part)
  }

  close(): void {
    for (const [id, answer] of this.answers) this.end(id, answer)
  }

  private begin(request: ReadRequest): Promise<Uint8Array> {
    if (this.answers.size >= openMax)
      throw new HalfsecondError('OVERLOADED', `this node gives ${openMax} long answers already`)
    const id = ++this.count
    const answer = new LongAnswer(this.uses.read(request), this.uses.clock)
    this.answers.set(id, answer)
    return this.part(id, answer, 0)
  }

  private async part(id: number, answer: LongAnswer, number: number): Promise<Uint8Array> {
    this.keep(id, answer)
    try {
      const { bytes, isLast } = await answer.part(number)
      // Where the only part gets lost, the whole is asked for again.
      if (isLast && number === 0) this.end(id, answer)
      return encodeReadPart({ id, bytes, isLast })
    } catch (error) {
      this.end(id, answer)
      throw error
    }
  }

  private keep(id: number, answer: LongAnswer): void {
    answer.timer?.cancel()
    answer.timer = this.uses.clock.after(idleMs, () => this.end(id, answer))
  }

  private end(id: number, answer: LongAnswer): void {
    answer.timer?.cancel()
    this.answers.delete(id)
    answer.close()
  }
}

/** An answer that is read as it is asked for. */
class LongAnswer {
  timer: Timer | undefined
  private readonly source: AsyncIterator<Uint8Array>
  private readonly clock: Clock
  private rest: Uint8Array = new Uint8Array(0)
  private number = -1
  private last: Promise<Omit<ReadPart, 'id'>> | undefined

  constructor(source: AsyncIterable<Uint8Array>, clock: Clock) {
    this.clock = clock
    this.source = source[Symbol.asyncIterator]()
  }

  /** The part that was asked for last, or the next. */
  part(number: number): Promise<Omit<ReadPart, 'id'>> {
    if (this.last && number === this.number) return this.last
    if (number !== this.number + 1)
      throw new HalfsecondError('INVALID', `part ${number} is not the next one`)
    const before = this.last
    this.number = number
    this.last = Promise.resolve(before).then(() => this.next())
    return this.last
  }

  close(): void {
    void this.source.return?.()?.catch(() => undefined)
  }

  private async next(): Promise<Omit<ReadPart, 'id'>> {
    const pieces: Uint8Array[] = []
    let size = 0
    let isLast = false
    const end = this.clock.monotonic() + partMs
    while (size < readPartBytes && this.clock.monotonic() < end) {
      if (this.rest.length === 0) {
        const { done, value } = await this.source.next()
        isLast = done === true
        if (isLast) break
        this.rest = value
      }
      const piece = this.rest.subarray(0, readPartBytes - size)
      this.rest = this.rest.subarray(piece.length)
      pieces.push(piece)
      size += piece.length
    }
    return { bytes: Buffer.concat(pieces, size), isLast }
  }
}
