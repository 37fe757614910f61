import { Readable } from 'node:stream'
import {
  HalfsecondError,
  type Identifier,
  isFields,
  nameFault,
  parseIdentifier,
} from '@halfsecond/protocol'
import { Type } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { RequestError } from './problem.ts'
import { explanationsOf, readAll } from './reads.ts'
import { Anything } from './schemas.ts'
import { whyRoute } from './why-route.ts'

const Identified = Type.Object({
  identifier: Type.String({ description: 'namespace:value, like anon:4hG8' }),
})

/** Profiles, whole or explained. Admin only: it is what is known of persons. */
export function profileRoutes(app: App, api: NodeApi): void {
  app.get(
    '/v1/profiles/:identifier',
    {
      schema: {
        summary: 'Everything known of an identifier',
        description: '404 where nothing is.',
        params: Identified,
        response: { 200: Anything, ...problems },
      },
    },
    async ({ params }, reply) => {
      const identifier = parseIdentifier(params.identifier, api.namespaces)
      const profile = await readAll({ what: 'profile', identifier }, api)
      if (profile.length === 0) throw new RequestError(404, 'INVALID', 'nothing is known of it')
      return reply.type('application/json; charset=utf-8').send(profile)
    },
  )
  whyRoute(app, api, () => true)
  app.get(
    '/v1/why',
    {
      schema: {
        summary: 'What a token says, and what would be shown to its visitor now',
        querystring: Type.Object({ token: Type.String() }),
        response: { 200: Anything, ...problems },
      },
    },
    async ({ query }) => whyOfToken(query.token, api),
  )
  app.get(
    '/v1/export',
    {
      exposeHeadRoute: false,
      schema: {
        summary: 'Every profile, one JSON object per line',
        description:
          'Of all shards, whichever nodes hold them. A connection that breaks means that the export is not complete. With `source` only the traits that this source has set, without timelines.',
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

async function whyOfToken(text: string, api: NodeApi): Promise<object> {
  // An expired token still tells what was shown: any time at which it was good proves the signature.
  const token = api.tokenKeys.verify(text, 0, api.namespaces)
  const { decision, key, placement, offer, treatment, playbook, decidedAt, expiresAt } = token
  return {
    token: {
      decision,
      key,
      placement,
      offer,
      treatment,
      playbook,
      decidedAt: new Date(decidedAt).toISOString(),
      expiresAt: new Date(expiresAt).toISOString(),
      expired: Date.now() > expiresAt,
    },
    explanations: await explainNow(key, placement, api),
  }
}

/** The placement may be gone from the playbook since. */
async function explainNow(identifier: Identifier, placement: string, api: NodeApi) {
  const all = await explanationsOf({ what: 'why', identifier }, api)
  const same = all.filter((one) => isFields(one) && one.placement === placement)
  return same.length > 0 ? same : all
}

async function* readOfAll(api: NodeApi, source?: string): AsyncGenerator<Uint8Array> {
  for (const shard of api.map().shards.keys()) {
    yield* api.read(
      source === undefined ? { what: 'export', shard } : { what: 'source', shard, source },
    )
  }
}
