import { HalfsecondError, isFields, nameFault } from '@halfsecond/protocol'
import { Type } from 'typebox'
import { readList } from '../core/catalogue/stored-catalogue.ts'
import type { NodeApi } from '../runtime/node-api.ts'
import { msgpackType, parseJson } from './bodies.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { Anything } from './schemas.ts'

const Named = Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) })
const Hashed = Type.Object({ hash: Type.String({ pattern: '^[0-9a-f]{64}$' }) })
const By = Type.Object({ by: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })) })

/** Catalogues: their items come in pieces, since there may be a million of them. */
export function catalogueRoutes(app: App, api: NodeApi): void {
  app.post(
    '/v1/catalogue-pieces',
    {
      schema: {
        summary: 'Store some items of a catalogue',
        description:
          'MessagePack: `[[id, {field: value}], …]`, at most 1,000 items and 256 KiB. The same items are stored once.',
        body: { content: { [msgpackType]: { schema: Type.String({ format: 'binary' }) } } },
        response: { 200: Type.Object({ hash: Type.String() }), ...problems },
      },
    },
    async ({ body }) => {
      if (!(body instanceof Uint8Array))
        throw new HalfsecondError('MALFORMED', `items are sent as ${msgpackType}`)
      return { hash: await api.catalogues.putPiece(body) }
    },
  )
  app.get(
    '/v1/catalogue-pieces/:hash',
    {
      schema: {
        summary: 'Some items of a catalogue, as they were stored',
        description:
          'By the hash of a piece: MessagePack `[[id, {field: value}], …]`. By the hash of a version: `{v, name, items, pieces}`, where `pieces` are the hashes of its pieces.',
        params: Hashed,
        response: { 200: Anything, ...problems },
      },
    },
    async ({ params: { hash } }, reply) => {
      const bytes = await api.catalogues.stored(hash)
      return reply.type(msgpackType).send(Buffer.from(bytes))
    },
  )
  app.post(
    '/v1/catalogues/:name',
    {
      schema: {
        summary: 'Make a version of a catalogue of stored pieces',
        description:
          'A playbook that decides by this catalogue is published again, bound to the new version: `playbook` is its number. A version that is like the newest one is that one.',
        params: Named,
        querystring: By,
        body: Type.Object({ items: Type.Integer(), pieces: Type.Array(Type.String()) }),
        response: { 200: Anything, ...problems },
      },
    },
    ({ params: { name }, query: { by }, body }) => {
      const fault = nameFault('a catalogue', name)
      if (fault !== undefined) throw new HalfsecondError('INVALID', fault)
      const given = typeof body === 'string' ? parseJson(Buffer.from(body)) : body
      const list = readList(isFields(given) ? { ...given, name } : given)
      return api.catalogues.put(list, by ?? '')
    },
  )
  app.get(
    '/v1/catalogues/:name',
    {
      schema: {
        summary: 'The versions of a catalogue, newest first',
        params: Named,
        response: { 200: Anything, ...problems },
      },
    },
    async ({ params: { name } }) => ({ versions: await api.catalogues.versions(name) }),
  )
}
