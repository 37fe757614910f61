import { Readable } from 'node:stream'
import { type Identifier, parseIdentifier } from '@halfsecond/protocol'
import { Type } from 'typebox'
import type { ProfileView } from '../core/profile-view.ts'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { RequestError } from './problem.ts'
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
    async ({ params }) => {
      const identifier = parseIdentifier(params.identifier, api.namespaces)
      const profile = await api.profile(identifier)
      if (profile === undefined) throw new RequestError(404, 'INVALID', 'nothing is known of it')
      return profile
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
        description: 'A connection that breaks means that the export is not complete.',
        response: { 200: Anything },
      },
    },
    (_request, reply) =>
      reply.type('application/x-ndjson').send(Readable.from(lines(api.profiles()))),
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
async function explainNow(key: Identifier, placement: string, api: NodeApi) {
  const all = await api.explain([key])
  const same = all.filter((one) => one.placement === placement)
  return same.length > 0 ? same : all
}

/** Characters handed over at once: one small write per profile would cost more than the profile. */
const chunkChars = 64 * 1024

async function* lines(profiles: AsyncIterable<ProfileView>): AsyncGenerator<string> {
  let chunk = ''
  for await (const profile of profiles) {
    chunk += `${JSON.stringify(profile)}\n`
    if (chunk.length < chunkChars) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}
