import { encode } from '@halfsecond/protocol'
import type { NodeApi } from '../runtime/node-api.ts'
import { msgpackType } from './bodies.ts'
import type { App } from './listener.ts'
import { asBuffer } from './openapi.ts'
import { Anything } from './schemas.ts'

/** `GET /v1/map`: the shard map, for client libraries. */
export function mapRoute(app: App, api: NodeApi): void {
  app.get(
    '/v1/map',
    {
      schema: {
        summary: 'Which node answers for which shard',
        description: 'As JSON, or as MessagePack where Accept says application/msgpack.',
        response: { 200: Anything },
      },
    },
    (request, reply) => {
      const map = api.map()
      return request.headers.accept?.includes(msgpackType)
        ? reply.type(msgpackType).send(asBuffer(encode(map)))
        : reply.send(map)
    },
  )
}
