import { bounds, HalfsecondError, subjects } from '@halfsecond/protocol'
import { parseJson } from './http/bodies.ts'
import { jsonRecord } from './http/json-record.ts'
import { atMost, logWaitMs, type Result, recordEach, wireError } from './http/results.ts'
import { RecordList, reader } from './http/schemas.ts'
import type { NodeApi } from './runtime/node-api.ts'
import type { Bus, Observer } from './runtime/ports.ts'

/** Messages whose records wait for the log: with the largest of them 64 MiB. More are refused. */
const underWayMax = 256

const readRecords = reader(RecordList)

export interface FeedUses {
  readonly bus: Pick<Bus, 'serveShared'>
  readonly api: Pick<NodeApi, 'client' | 'namespaces'>
  readonly observer: Pick<Observer, 'fed' | 'noted'>
}

type Answer =
  | { readonly results: readonly Result[] }
  | { readonly error: ReturnType<typeof wireError> }

/**
 * Takes what other systems tell over NATS: JSON as `POST /v1/events` takes it, on a subject that all
 * nodes share. Who asks gets an answer for each record; of what was only published, failures are
 * noted and counted.
 */
export class Feed {
  private readonly uses: FeedUses
  private readonly served: { close(): Promise<void> }
  private underWay = 0

  constructor(uses: FeedUses) {
    this.uses = uses
    this.served = uses.bus.serveShared(subjects.feed, (bytes, isAsked) => this.take(bytes, isAsked))
  }

  /** Takes no more, and resolves once what came is answered. */
  close(): Promise<void> {
    return this.served.close()
  }

  private async take(bytes: Uint8Array, isAsked: boolean): Promise<Uint8Array> {
    this.underWay++
    const answer = await this.record(bytes).catch((thrown: unknown) => ({
      error: wireError(thrown),
    }))
    this.underWay--
    this.tell(answer, isAsked)
    return Buffer.from(JSON.stringify(answer))
  }

  private async record(bytes: Uint8Array): Promise<Answer> {
    if (this.underWay > underWayMax)
      throw new HalfsecondError('OVERLOADED', `more than ${underWayMax} messages wait for the log`)
    if (bytes.length > bounds.frameBytes)
      throw new HalfsecondError('TOO_LARGE', `${bytes.length} bytes; at most ${bounds.frameBytes}`)
    const { records } = readRecords(parseJson(bytes))
    atMost(records.length, bounds.recordsPerBatch, 'records')
    const { client, namespaces } = this.uses.api
    const now = Date.now()
    const record = async (item: unknown) => {
      const made = jsonRecord(item, now, namespaces)
      return client.record(made, { id: made.id, at: made.at })
    }
    return { results: await recordEach(records, record, logWaitMs) }
  }

  private tell(answer: Answer, isAsked: boolean): void {
    const { observer } = this.uses
    const errors =
      'error' in answer
        ? [answer.error]
        : answer.results.flatMap((one) => ('error' in one ? [one.error] : []))
    const recorded = 'error' in answer ? 0 : answer.results.length - errors.length
    observer.fed(recorded, errors.length)
    const [first] = errors
    if (first === undefined || isAsked) return
    const { code, message } = first
    observer.noted('warn', 'the feed brought what was refused', {
      refused: errors.length,
      code,
      message,
    })
  }
}
