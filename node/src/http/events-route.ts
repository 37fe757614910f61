import { bounds, decode, encode, HalfsecondError, type Position } from '@halfsecond/protocol'
import type { NodeApi } from '../runtime/node-api.ts'
import { jsonType, msgpackType } from './bodies.ts'
import { jsonRecord } from './json-record.ts'
import type { App } from './listener.ts'
import { asBuffer, jsonBody, problems } from './openapi.ts'
import { atMost, logWaitMs, recordEach, sendResults, wireError } from './results.ts'
import { Anything, RecordList, Records, Results, reader } from './schemas.ts'

const readRecords = reader(RecordList)

/** `POST /v1/events`: records of any kind that channels write. */
export function eventsRoute(app: App, api: NodeApi): void {
  app.post(
    '/v1/events',
    {
      schema: {
        summary: 'Record events, traits, links, consents, …',
        description: [
          'Answers when every record is in the log, at most 5 s later.',
          'As JSON this node is the producer, and `id` makes it safe to send a record again.',
          '200: all recorded. 207: some, see each result. Otherwise none was, for the reason that the status and the first error give.',
          'As MessagePack: `[[shard, batch], …]`, published unchanged; answers `[{sequence} | {error}, …]`.',
        ].join('\n\n'),
        body: { content: { [jsonType]: { schema: Records }, [msgpackType]: { schema: Anything } } },
        response: { 200: Results, 207: Results, ...problems },
      },
    },
    async (request, reply) => {
      if (request.body instanceof Uint8Array) {
        const answers = await publishAll(request.body, api)
        return reply.type(msgpackType).send(asBuffer(encode(answers)))
      }
      const { records } = readRecords(jsonBody(request.body))
      atMost(records.length, bounds.recordsPerBatch, 'records')
      const now = Date.now()
      const results = await recordEach(records, (item) => record(item, now, api), logWaitMs)
      return sendResults(reply, results)
    },
  )
}

function record(item: unknown, now: number, api: NodeApi): Promise<Position> {
  const made = jsonRecord(item, now, api.namespaces)
  return api.client.record(made, { id: made.id, at: made.at })
}

type Published = { readonly sequence: number } | { readonly error: ReturnType<typeof wireError> }

function publishAll(body: Uint8Array, api: NodeApi): Promise<Published[]> {
  const batches = decode(body)
  if (!Array.isArray(batches))
    throw new HalfsecondError('INVALID', 'MessagePack here is [[shard, batch], …]')
  // A client keeps one batch per shard under way; each refusal costs as much as a small batch.
  const shards = api.map().shards.length
  atMost(batches.length, shards, 'batches')
  return Promise.all(batches.map((one: unknown) => publish(one, shards, api)))
}

async function publish(value: unknown, shards: number, api: NodeApi): Promise<Published> {
  try {
    const [shard, batch]: unknown[] = Array.isArray(value) ? value : []
    if (!isShard(shard, shards) || !(batch instanceof Uint8Array))
      throw new HalfsecondError('INVALID', `a batch is [shard below ${shards}, bytes]`)
    const { sequence } = await api.publish(shard, batch)
    return { sequence }
  } catch (thrown) {
    return { error: wireError(thrown) }
  }
}

function isShard(value: unknown, shards: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < shards
}
