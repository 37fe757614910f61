import { type TSchema, Type } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { Anything } from './schemas.ts'

/** Signals of one answer, at most; and where it is not said how many. */
const limitMax = 1_000
const limitUsual = 100

const Query = Type.Object({
  after: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: '`next` of the answer before. Default: from the oldest.',
    }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: limitMax, description: `Default: ${limitUsual}.` }),
  ),
})

const Answer: TSchema = Type.Object({
  signals: Type.Array(Anything, {
    description:
      'The oldest first: {cursor, v, id, signal, profile, members, into?, segment?, playbook?, at}; a decision also has placement, offer, treatment, content and token. A gap between two cursors is what was dropped.',
  }),
  next: Type.Integer({ description: 'Pass it as `after` to get what comes then.' }),
})

/** What other systems are told of profiles. */
export function signalsRoute(app: App, api: NodeApi): void {
  app.get(
    '/v1/signals',
    {
      schema: {
        summary: 'Who entered or left segments, was merged, split, reassigned or erased',
        description:
          'Kept for 30 days. Signals of one profile are in order; one may come twice, with the same `id`.',
        querystring: Query,
        response: { 200: Answer, ...problems },
      },
    },
    async ({ query: { after = 0, limit = limitUsual } }) => {
      const read = await api.signals.read(after, limit)
      return {
        signals: read.map(({ cursor, text }) => ({ cursor, ...JSON.parse(text) })),
        next: read.at(-1)?.cursor ?? after,
      }
    },
  )
}
