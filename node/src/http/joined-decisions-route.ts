import { Readable } from 'node:stream'
import { HalfsecondError, nameFault } from '@halfsecond/protocol'
import { Type } from 'typebox'
import { encodeJoined } from '../core/learning/joined.ts'
import { inPieces } from '../runtime/learning/in-pieces.ts'
import type { JoinedRange } from '../runtime/learning/joined-decisions.ts'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { Anything } from './schemas.ts'

/** Bytes handed over at once: one small write per decision would cost more than the decision. */
const pieceBytes = 64 * 1024

/** Decisions are a matter of who reads: what is said of them is no JSON. */
export const joinedType = 'application/octet-stream'

const description = `Of all shards, whichever nodes hold them, from the decision log: those that were logged from \`since\` to before \`until\`. Each as \`u32 length, little-endian | MessagePack [entry, [placement, offer, outcome, at, …]]\`: the entry as it was logged, then what was told of it since; with \`timelines\` also what was known then of each of its members, or null. A decision that two nodes answered comes once; whoever was erased is left out. A connection that breaks means that it is not complete.`

/** `GET /v1/decisions`: what was decided, with what became of it. Admin only. */
export function joinedDecisionsRoute(app: App, api: NodeApi): void {
  app.get(
    '/v1/decisions',
    {
      exposeHeadRoute: false,
      schema: {
        summary: 'Decisions of some time, with what became of them',
        description,
        querystring: Type.Object({
          since: Time,
          until: Type.Optional(Time),
          placement: Type.Optional(Type.String()),
          shard: Type.Optional(Type.Integer({ minimum: 0 })),
          timelines: Type.Optional(Type.Boolean({ default: false })),
        }),
        response: { 200: Anything, ...problems },
      },
    },
    ({ query: { since, until, placement, shard, timelines } }, reply) => {
      const fault = placement === undefined ? undefined : nameFault('placement', placement)
      if (fault !== undefined) throw new HalfsecondError('INVALID', fault)
      const end = until === undefined ? Date.now() : Date.parse(until)
      const placements = placement === undefined ? undefined : [placement]
      const range = { from: Date.parse(since), to: end - 1, placements, shard, timelines }
      return reply.type(joinedType).send(Readable.from(inPieces(framesOf(api, range), pieceBytes)))
    },
  )
}

const Time = Type.String({
  format: 'date-time',
  description: 'Like 2026-11-27T14:03:00Z. Default of `until`: now.',
})

async function* framesOf(api: NodeApi, range: JoinedRange): AsyncGenerator<Uint8Array> {
  for await (const one of api.joined.read(range)) yield encodeJoined(one)
}
