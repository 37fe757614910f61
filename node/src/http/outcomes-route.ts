import {
  bounds,
  decode,
  encode,
  HalfsecondError,
  isFields,
  isOutcome,
  isTime,
  type Position,
} from '@halfsecond/protocol'
import type { NodeApi } from '../runtime/node-api.ts'
import { jsonType, msgpackType } from './bodies.ts'
import type { App } from './listener.ts'
import { asBuffer, jsonBody, problems } from './openapi.ts'
import { atMost, logWaitMs, recordEach, sendResults } from './results.ts'
import { Anything, Outcomes, Results } from './schemas.ts'

/** `POST /v1/outcomes`: what became of content, by the token that came with it. */
export function outcomesRoute(app: App, api: NodeApi): void {
  app.post(
    '/v1/outcomes',
    {
      schema: {
        summary: 'Record displays, clicks, accepts, …',
        description: [
          'One outcome or a list. The token is checked here; the same outcome of the same proposition again changes nothing.',
          'Statuses as of `/v1/events`.',
          'As MessagePack: a list; answers a list of `{position} | {error}`.',
        ].join('\n\n'),
        body: {
          content: { [jsonType]: { schema: Outcomes }, [msgpackType]: { schema: Anything } },
        },
        response: { 200: Results, 207: Results, ...problems },
      },
    },
    async (request, reply) => {
      const isMsgpack = request.body instanceof Uint8Array
      const body =
        request.body instanceof Uint8Array ? decode(request.body) : jsonBody(request.body)
      const reports: readonly unknown[] = Array.isArray(body) ? body : [body]
      if (reports.length === 0) throw new HalfsecondError('INVALID', 'no outcome in the list')
      atMost(reports.length, bounds.recordsPerBatch, 'outcomes')
      const now = Date.now()
      const results = await recordEach(reports, (one) => report(one, now, api), logWaitMs)
      return isMsgpack
        ? reply.type(msgpackType).send(asBuffer(encode(results)))
        : sendResults(reply, results)
    },
  )
}

function report(value: unknown, now: number, api: NodeApi): Promise<Position> {
  if (!isFields(value) || typeof value.token !== 'string')
    throw new HalfsecondError('INVALID', 'an outcome is {token, outcome}')
  const { token, outcome, at = now, id } = value
  if (!isOutcome(outcome))
    throw new HalfsecondError('INVALID', 'outcome is display, click, accept, reject, dismiss, …')
  if (!isTime(at))
    throw new HalfsecondError('INVALID', 'at is a time in whole milliseconds since 1970')
  if (id !== undefined && typeof id !== 'string') throw new HalfsecondError('INVALID', 'id is text')
  const { decision, key, placement, offer, treatment } = api.tokenKeys.verify(
    token,
    now,
    api.namespaces,
  )
  return api.client.record(
    { kind: 'outcome', key, decision, placement, offer, treatment, outcome },
    { at, ...(id !== undefined && { id }) },
  )
}
