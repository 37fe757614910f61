import { bounds, decode, encode, HalfsecondError, isFields, isTime } from '@halfsecond/protocol'
import type { Token } from '@halfsecond/protocol/token'
import type { TSchema } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import { jsonType, msgpackType } from './bodies.ts'
import type { App } from './listener.ts'
import { asBuffer, jsonBody, problems } from './openapi.ts'
import { atMost, logWaitMs, type Recorded, recordEach, sendResults } from './results.ts'
import { Anything, Results } from './schemas.ts'

/** What came back with a token. */
export interface Report {
  readonly token: Token
  readonly fields: { readonly [name: string]: unknown }
  readonly options: { readonly at: number; readonly id?: string }
}

export interface TokenRoute {
  readonly path: string
  readonly summary: string
  /** What one of them is, to begin a sentence with: `One outcome`. */
  readonly one: string
  /** What several of them are. */
  readonly many: string
  readonly description: string
  readonly body: TSchema
  /** Whether what an expired token brings is taken too. */
  readonly isTakenLate?: boolean
  /** Throws `INVALID` for what cannot be recorded. */
  readonly record: (report: Report) => Promise<Recorded>
}

/** A door for what tokens bring back: one or a list, each checked and recorded on its own. */
export function tokenRoute(app: App, api: NodeApi, route: TokenRoute): void {
  const { path, summary, one, many, description, body: schema, record, isTakenLate } = route
  app.post(
    path,
    {
      schema: {
        summary,
        description: [
          `${one} or a list. The token is checked here; ${description}`,
          'Statuses as of `/v1/events`.',
          'As MessagePack: a list; answers a list of `{position} | {error}`.',
        ].join('\n\n'),
        body: {
          content: { [jsonType]: { schema }, [msgpackType]: { schema: Anything } },
        },
        response: { 200: Results, 207: Results, ...problems },
      },
    },
    async (request, reply) => {
      const isMsgpack = request.body instanceof Uint8Array
      const body =
        request.body instanceof Uint8Array ? decode(request.body) : jsonBody(request.body)
      const reports: readonly unknown[] = Array.isArray(body) ? body : [body]
      if (reports.length === 0) throw new HalfsecondError('INVALID', `none of ${many} in the list`)
      atMost(reports.length, bounds.recordsPerBatch, many)
      const now = Date.now()
      const results = await recordEach(
        reports,
        (report) => record(checked(report, now, isTakenLate === true, api)),
        logWaitMs,
      )
      return isMsgpack
        ? reply.type(msgpackType).send(asBuffer(encode(results)))
        : sendResults(reply, results)
    },
  )
}

function checked(value: unknown, now: number, isTakenLate: boolean, api: NodeApi): Report {
  if (!isFields(value) || typeof value.token !== 'string')
    throw new HalfsecondError('INVALID', 'token is the text that came with a proposition')
  const { at = now, id } = value
  if (!isTime(at))
    throw new HalfsecondError('INVALID', 'at is a time in whole milliseconds since 1970')
  if (id !== undefined && typeof id !== 'string') throw new HalfsecondError('INVALID', 'id is text')
  // Any time at which the token was good proves the signature.
  const token = api.tokenKeys.verify(value.token, isTakenLate ? 0 : now, api.namespaces)
  return { token, fields: value, options: { at, ...(id !== undefined && { id }) } }
}
