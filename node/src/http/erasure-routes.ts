import { setTimeout as pause } from 'node:timers/promises'
import {
  bounds,
  evenBlocked,
  exportPositions,
  fragmentName,
  HalfsecondError,
  type Identifier,
  nameFault,
  parseIdentifier,
  printable,
  ulid,
} from '@halfsecond/protocol'
import { Type } from 'typebox'
import { operatorChannel } from '../core/person/audit.ts'
import { joinHeads } from '../core/person/person-view.ts'
import type { Receipt } from '../runtime/erase/erasures.ts'
import type { NodeApi } from '../runtime/node-api.ts'
import { parseJson } from './bodies.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { RequestError } from './problem.ts'
import { Anything, reader } from './schemas.ts'

const Erasure = Type.Object({
  identifier: Type.String({ description: 'namespace:value, like crm:991' }),
  eraseId: Type.Optional(
    Type.String({ description: 'The same again is the same erase. Default: a new one.' }),
  ),
  epoch: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: bounds.epochsPerDevice - 1,
      description: 'Of a device that several people used: which time is to be erased.',
    }),
  ),
  by: Type.Optional(Type.String({ description: 'Who does it.' })),
  dryRun: Type.Optional(Type.Boolean({ description: 'Only shows what would be erased.' })),
})
const readErasure = reader(Erasure)

/** The fold of the record is milliseconds away; whoever asks may have to wait for a busy shard. */
const reachedMs = 2_000
const lookMs = 20

/** Erases, their receipts, and getting what was erased out of the files. */
export function erasureRoutes(app: App, api: NodeApi): void {
  const { erasures } = api
  app.post(
    '/v1/erasures',
    {
      schema: {
        summary: 'Erase a person',
        description: [
          'Everything that was known of the identifier until now, and of all that it is linked to. Nothing of it comes back, whatever arrives late; what is recorded afterwards is a new start.',
          'Answers 202 once it is in the log, also where nothing is known. The receipt says when it is effective (answers, exports; about a second) and expunged (files; within a day, or after `POST /v1/erasures/expunge`).',
          '422 where several people used a device and `epoch` does not say whose time is to be erased.',
        ].join('\n\n'),
        body: Erasure,
        response: { 200: Anything, 202: Anything, ...problems },
      },
    },
    async ({ body }, reply) => {
      const asked = readErasure(typeof body === 'string' ? parseJson(Buffer.from(body)) : body)
      const { epoch, by = 'unknown', dryRun = false } = asked
      const identifier = parseIdentifier(asked.identifier, evenBlocked(api.namespaces))
      const fault = nameFault('by', by)
      if (fault !== undefined) throw new HalfsecondError('INVALID', fault)
      const { members } = await erasures.plan(identifier, epoch)
      const [first] = members
      if (dryRun) {
        return {
          identifier,
          dryRun,
          erases: first === undefined ? null : joinHeads(first, members, api.namespaces),
        }
      }
      const eraseId = asked.eraseId ?? newEraseId()
      const record = {
        kind: 'erase' as const,
        key: identifier,
        eraseId,
        channel: operatorChannel,
        source: by,
        ...(epoch !== undefined && { epoch }),
      }
      const position = await api.client.record(record, { at: Date.now() })
      const receipt = await reached(identifier, eraseId)
      const names = members.map(({ id }) => fragmentName(id))
      reply.code(202)
      return {
        eraseId,
        identifier,
        by,
        position: exportPositions([position]),
        erases: names,
        ...(receipt && viewOf(receipt)),
      }
    },
  )
  app.get(
    '/v1/erasures/:identifier/:eraseId',
    {
      schema: {
        summary: 'The receipt of an erase',
        description:
          '`effectiveAt`: since when no answer, export or view shows anything of it. `expungedAt`: since when no file does. Null: not yet; `waitingFor` counts identifiers that have not answered.',
        params: Type.Object({ identifier: Type.String(), eraseId: Type.String() }),
        response: { 200: Anything, ...problems },
      },
    },
    async ({ params }) => {
      const identifier = parseIdentifier(params.identifier, evenBlocked(api.namespaces))
      const receipt = await erasures.receipt(identifier, params.eraseId)
      if (receipt === undefined)
        throw new RequestError(
          404,
          'INVALID',
          `no erase "${printable(params.eraseId)}" is known of ${printable(identifier)}`,
        )
      return viewOf(receipt)
    },
  )
  app.post(
    '/v1/erasures/expunge',
    {
      schema: {
        summary: 'Get what was erased out of all files now',
        description:
          'Begins to trim the logs and to rewrite the files of all nodes, and answers at once: `GET` says how it went. It happens by itself within a day.',
        response: { 202: Anything },
      },
    },
    (_request, reply) => {
      // How it went is in the state.
      void erasures.expunge().catch(() => undefined)
      reply.code(202)
      return stateOf(api)
    },
  )
  app.get(
    '/v1/erasures/expunge',
    {
      schema: {
        summary: 'Whether files are being rewritten, and how it went last',
        response: { 200: Anything },
      },
    },
    () => stateOf(api),
  )

  async function reached(identifier: Identifier, eraseId: string): Promise<Receipt | undefined> {
    const end = performance.now() + reachedMs
    for (;;) {
      const receipt = await erasures.receipt(identifier, eraseId)
      if (receipt !== undefined || performance.now() > end) return receipt
      await pause(lookMs)
    }
  }
}

function viewOf({ requestedAt, effectiveAt, expungedAt, ...receipt }: Receipt) {
  return {
    ...receipt,
    requestedAt: isoTime(requestedAt),
    effectiveAt: isoTime(effectiveAt),
    expungedAt: isoTime(expungedAt),
  }
}

function stateOf({ erasures }: NodeApi) {
  const { isRunning, doneAt, failure } = erasures.expunging
  return { isRunning, doneAt: isoTime(doneAt > 0 ? doneAt : null), failure }
}

function isoTime(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}

function newEraseId(): string {
  return ulid(Date.now(), (bytes) => crypto.getRandomValues(bytes))
}
