import {
  bounds,
  type ChannelRecord,
  compareIdentifiers,
  decode,
  encode,
  greatest,
  HalfsecondError,
  type Identifier,
  isChannelRecord,
  isFields,
  type Namespaces,
  type Position,
  parseIdentifier,
  recordFault,
} from '@halfsecond/protocol'
import type { NodeApi } from '../runtime/node-api.ts'
import { jsonType, msgpackType } from './bodies.ts'
import { identifiersIn } from './identifiers.ts'
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
  const made = toRecord(item, now, api.namespaces)
  return api.client.record(made, { id: made.id, at: made.at })
}

/** @throws HalfsecondError `INVALID` or `UNKNOWN_NAMESPACE` */
function toRecord(item: unknown, now: number, namespaces: Namespaces): ChannelRecord {
  if (!isFields(item)) throw new HalfsecondError('INVALID', 'a record is a map')
  // The number belongs to the producer, which is this node.
  const { identifiers, n: _, ...fields } = item
  const key = keyOf(fields.key, identifiers, namespaces)
  const made = { ...fields, key, at: fields.at ?? now, ...ends(fields, key, namespaces) }
  if (isChannelRecord(made, namespaces)) return made
  throw new HalfsecondError('INVALID', recordFault(made, namespaces) ?? 'not a record')
}

function keyOf(key: unknown, identifiers: unknown, namespaces: Namespaces): Identifier {
  if (typeof key === 'string') return parseIdentifier(key, namespaces)
  const greatestOne =
    key === undefined && identifiers !== undefined
      ? greatest(identifiersIn(identifiers, namespaces), namespaces)
      : undefined
  if (greatestOne !== undefined) return greatestOne
  throw new HalfsecondError('INVALID', 'a record names its key, like anon:4hG8, or identifiers')
}

/** A link is stored at the lower of its two ends, whichever way round it was written. */
function ends(
  { kind, to }: { readonly [name: string]: unknown },
  key: Identifier,
  namespaces: Namespaces,
): { readonly key?: Identifier; readonly to?: Identifier } {
  if ((kind !== 'link' && kind !== 'unlink') || typeof to !== 'string') return {}
  const other = parseIdentifier(to, namespaces)
  return compareIdentifiers(key, other, namespaces) > 0
    ? { key: other, to: key }
    : { key, to: other }
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
