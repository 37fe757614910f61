import type { Decision, Proposition } from '@halfsecond/client'
import { exportPositions, HalfsecondError, importPositions, nameFault } from '@halfsecond/protocol'
import type { NodeApi } from '../runtime/node-api.ts'
import { jsonType, msgpackType } from './bodies.ts'
import { identifiersIn } from './identifiers.ts'
import type { App } from './listener.ts'
import { asBuffer, jsonBody, problems } from './openapi.ts'
import { Anything, DecideRequest, DecideResponse, reader } from './schemas.ts'

const readDecide = reader(DecideRequest)

/** `POST /v1/decide`: what to show. MessagePack is the hot path: bytes in, bytes out. */
export function decideRoute(app: App, api: NodeApi): void {
  app.post(
    '/v1/decide',
    {
      schema: {
        summary: 'Decide what to show a visitor',
        description: [
          'Reflects everything up to `position`, and everything that this node recorded for these identifiers.',
          'Where no answer comes in time, a placement has default content, `reason` `deadline` or `unavailable`, and the `error`.',
          '404 only where the playbook has none of the placements.',
          'As MessagePack: a frame of questions, answered by a frame of answers.',
        ].join('\n\n'),
        body: {
          content: { [jsonType]: { schema: DecideRequest }, [msgpackType]: { schema: Anything } },
        },
        response: { 200: DecideResponse, ...problems },
      },
    },
    (request, reply) => {
      if (!(request.body instanceof Uint8Array)) return decideJson(jsonBody(request.body), api)
      const answer = api.answerFrame(request.body)
      reply.type(msgpackType)
      if (answer instanceof Uint8Array) return reply.send(asBuffer(answer))
      return answer.then(asBuffer)
    },
  )
}

async function decideJson(body: unknown, api: NodeApi): Promise<object> {
  const { identifiers, placements, position, deadline } = readDecide(body)
  const known = identifiersIn(identifiers, api.namespaces)
  for (const placement of placements) {
    const fault = nameFault('a placement', placement)
    if (fault !== undefined) throw new HalfsecondError('INVALID', fault)
  }
  const given = position === undefined ? [] : importPositions(position)
  const positions = api.client.positionsOf(known, given)
  const options = deadline === undefined ? {} : { deadlineMs: deadline }
  const decisions = await api.client.decide(known, given, placements, options)
  refuseIfAllUnknown(decisions)
  return {
    decisions: Object.fromEntries(decisions.map((one) => [one.placement, decisionView(one)])),
    position: exportPositions(positions),
  }
}

function refuseIfAllUnknown(decisions: readonly Decision[]): void {
  const isUnknown = ({ error }: Decision) => error?.code === 'UNKNOWN_PLACEMENT'
  const first = decisions[0]?.error
  if (first !== undefined && decisions.every(isUnknown))
    throw new HalfsecondError('UNKNOWN_PLACEMENT', first.message)
}

function decisionView(decision: Decision): object {
  const { placement, reason, freshness, playbook, decision: id, propositions, error } = decision
  return {
    placement,
    ...propositionView(decision),
    reason,
    freshness,
    playbook,
    decision: id,
    propositions: propositions.map(propositionView),
    ...(error !== undefined && { error }),
  }
}

/** Without the members that default content has not: JSON knows no undefined. */
function propositionView({ content, offer, treatment, token }: Proposition): object {
  return { content, offer, treatment, token }
}
