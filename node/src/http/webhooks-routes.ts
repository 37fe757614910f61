import { type TSchema, Type } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { Anything } from './schemas.ts'

const Name = Type.Object({ name: Type.String({ description: 'Of the file of webhooks.' }) })

const List: TSchema = Type.Object({
  webhooks: Type.Array(Anything, {
    description:
      '{name, url, signals, segments, cursor, since, tries, failingSince, nextAt, reason, taken, dead}',
  }),
})

const Dead: TSchema = Type.Object({
  dead: Type.Array(Anything, {
    description: 'The oldest first: {cursor, id, at, tries, reason, isRetried}.',
  }),
})

const Retried: TSchema = Type.Object({ retried: Type.Integer() })

/** Where signals are sent to, and what was put aside. */
export function webhooksRoutes(app: App, api: NodeApi): void {
  app.get(
    '/v1/webhooks',
    {
      schema: {
        summary: 'The webhooks, how far each is and why it waits',
        response: { 200: List, ...problems },
      },
    },
    async () => ({ webhooks: await api.webhooks.list() }),
  )
  app.get(
    '/v1/webhooks/:name/dead',
    {
      schema: {
        summary: 'Signals that a webhook did not take, and that were put aside',
        params: Name,
        response: { 200: Dead, ...problems },
      },
    },
    async ({ params: { name } }) => ({ dead: await api.webhooks.dead(name) }),
  )
  app.post(
    '/v1/webhooks/:name/retry',
    {
      schema: {
        summary: 'Try once more all that was put aside',
        params: Name,
        response: { 200: Retried, ...problems },
      },
    },
    async ({ params: { name } }) => ({ retried: await api.webhooks.retry(name) }),
  )
}
