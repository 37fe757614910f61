import { Readable } from 'node:stream'
import { HalfsecondError, nameFault } from '@halfsecond/protocol'
import { Type } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { personRoutes } from './person-routes.ts'
import { Anything } from './schemas.ts'
import { splitRoute } from './split-route.ts'
import { whyRoute } from './why-route.ts'
import { verifyRoute, whyTokenRoute } from './why-token-route.ts'

/** Profiles, whole or explained. Admin only: it is what is known of persons. */
export function profileRoutes(app: App, api: NodeApi): void {
  personRoutes(app, api)
  splitRoute(app, api)
  whyRoute(app, api, () => true)
  whyTokenRoute(app, api)
  verifyRoute(app, api)
  app.get(
    '/v1/export',
    {
      exposeHeadRoute: false,
      schema: {
        summary: 'Every profile, one JSON object per line',
        description:
          'Of all shards, whichever nodes hold them. A connection that breaks means that the export is not complete. With `source` only the traits and links of which this source had the last word, without timelines.',
        querystring: Type.Object({ source: Type.Optional(Type.String()) }),
        response: { 200: Anything, ...problems },
      },
    },
    ({ query: { source } }, reply) => {
      const fault = source === undefined ? undefined : nameFault('source', source)
      if (fault !== undefined) throw new HalfsecondError('INVALID', fault)
      return reply.type('application/x-ndjson').send(Readable.from(readOfAll(api, source)))
    },
  )
}

async function* readOfAll(api: NodeApi, source?: string): AsyncGenerator<Uint8Array> {
  for (const shard of api.map().shards.keys()) {
    yield* api.read(
      source === undefined ? { what: 'export', shard } : { what: 'source', shard, source },
    )
  }
}
