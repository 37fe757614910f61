import { HalfsecondError, type Identifier, parseIdentifier } from '@halfsecond/protocol'
import { Type } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { explanationsOf } from './reads.ts'
import { Anything } from './schemas.ts'

const Identified = Type.Object({
  identifier: Type.String({ description: 'namespace:value, like anon:4hG8' }),
})

const Placements = Type.Object({
  placement: Type.Optional(
    Type.Union([Type.String(), Type.Array(Type.String())], {
      description: 'May be given several times. Default: all of the playbook.',
    }),
  ),
})

/**
 * `GET /v1/profiles/:identifier/why`: what would be shown now, and why.
 * @param isOpen whom this listener explains; anybody else is `FORBIDDEN`
 */
export function whyRoute(app: App, api: NodeApi, isOpen: (identifier: Identifier) => boolean) {
  app.get(
    '/v1/profiles/:identifier/why',
    {
      schema: {
        summary: 'What would be shown now, and why',
        description: 'Changes nothing. For each placement a sentence, then every candidate.',
        params: Identified,
        querystring: Placements,
        response: { 200: Anything, ...problems },
      },
    },
    async ({ params, query }) => {
      const identifier = parseIdentifier(params.identifier, api.namespaces)
      if (!isOpen(identifier))
        throw new HalfsecondError('FORBIDDEN', 'this visitor is explained on the admin port alone')
      const placements = query.placement === undefined ? undefined : [query.placement].flat()
      return { explanations: await explanationsOf({ what: 'why', identifier, placements }, api) }
    },
  )
}
