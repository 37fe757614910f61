import { Type } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { Anything } from './schemas.ts'

/** Versions of one answer, at most, and where it is not said how many: each is read whole. */
const limitMax = 100
const limitUsual = 20

const Limited = Type.Object({
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: limitMax, description: `Default: ${limitUsual}.` }),
  ),
})

const Asked = Type.Object({
  version: Type.Optional(Type.Integer({ minimum: 1, description: 'Default: the newest.' })),
  placement: Type.Optional(
    Type.String({ minLength: 1, maxLength: 128, description: 'Default: all that learn.' }),
  ),
})

/** What was learnt, version by version. */
export function modelRoutes(app: App, api: NodeApi): void {
  app.get(
    '/v1/models',
    {
      schema: {
        summary: 'The newest model versions, latest first',
        querystring: Limited,
        response: {
          200: Type.Object({
            models: Type.Array(Anything, {
              description:
                '{version, publishedAt, at, playbook, positions, placements, beliefs}; times in milliseconds since 1970, positions by shard.',
            }),
          }),
          ...problems,
        },
      },
    },
    async ({ query: { limit = limitUsual } }) => ({ models: await api.versions.list(limit) }),
  )
  app.get(
    '/v1/model',
    {
      schema: {
        summary: 'What a model version says of each arm in each bucket',
        querystring: Asked,
        response: {
          200: Type.Object(
            { version: Type.Integer(), placements: Type.Array(Anything) },
            {
              additionalProperties: true,
              description:
                '{version, publishedAt, at, playbook, positions, beliefs, placements: [{placement, lesson, trainer, buckets: [{bucket, arms: [{offer, treatment, trials, rewards, rate, low, high, wins}]}]}]}; `bucket` null: all that are not listed.',
            },
          ),
          ...problems,
        },
      },
    },
    async ({ query: { version, placement } }) => {
      const shown = await api.versions.show(version, placement)
      return { ...shown, placements: [...shown.placements] }
    },
  )
}
