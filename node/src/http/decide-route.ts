import type { Decision, Proposition } from '@halfsecond/client'
import {
  bounds,
  decode,
  exportPositions,
  HalfsecondError,
  importPositions,
  nameFault,
  parseQuestions,
} from '@halfsecond/protocol'
import { Type } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import { jsonType, msgpackType } from './bodies.ts'
import { identifiersIn } from './identifiers.ts'
import type { App } from './listener.ts'
import { asBuffer, jsonBody, problems } from './openapi.ts'
import { Anything, DecideRequest, DecideResponse, reader } from './schemas.ts'

const readDecide = reader(DecideRequest)

const ForNode = Type.Object({
  node: Type.Optional(Type.String({ description: 'The node that a frame is for.' })),
})

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
          'As MessagePack: a frame of questions, answered by a frame of answers. `node` passes it on to that node of the map; this one answers where it is absent.',
        ].join('\n\n'),
        querystring: ForNode,
        body: {
          content: { [jsonType]: { schema: DecideRequest }, [msgpackType]: { schema: Anything } },
        },
        response: { 200: DecideResponse, ...problems },
      },
    },
    (request, reply) => {
      if (!(request.body instanceof Uint8Array)) return decideJson(jsonBody(request.body), api)
      const { node } = request.query
      const answer =
        node === undefined || node === api.id
          ? api.answerFrame(request.body)
          : passOn(node, request.body, api)
      reply.type(msgpackType)
      if (answer instanceof Uint8Array) return reply.send(asBuffer(answer))
      return answer.then(asBuffer)
    },
  )
}

/** The asker waits as long as its questions say, and no longer. */
async function passOn(node: string, frame: Uint8Array, api: NodeApi): Promise<Uint8Array> {
  if (!api.map().nodes.includes(node))
    throw new HalfsecondError('UNAVAILABLE', 'no such node is in the map')
  const questions = parseQuestions(decode(frame), api.namespaces)
  const deadlines = questions.map((one) => (one.kind === 'error' ? 0 : one.deadline))
  const timeoutMs = Math.min(bounds.deadlineMs, Math.max(1, ...deadlines))
  return api.ask(node, frame, timeoutMs)
}

async function decideJson(body: unknown, api: NodeApi): Promise<object> {
  const { identifiers, placements, position, deadline, isBot } = readDecide(body)
  const known = identifiersIn(identifiers, api.namespaces)
  for (const placement of placements) {
    const fault = nameFault('a placement', placement)
    if (fault !== undefined) throw new HalfsecondError('INVALID', fault)
  }
  const given = position === undefined ? [] : importPositions(position)
  const positions = api.client.positionsOf(known, given)
  const options = {
    ...(deadline !== undefined && { deadlineMs: deadline }),
    ...(isBot !== undefined && { isBot }),
  }
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
  const { placement, reason, freshness, playbook, model, propositions, error } = decision
  return {
    placement,
    ...propositionView(decision),
    reason,
    freshness,
    playbook,
    ...(model > 0 && { model }),
    decision: decision.decision,
    propositions: propositions.map(propositionView),
    ...(error !== undefined && { error }),
  }
}

/** Without the members that default content has not: JSON knows no undefined. */
function propositionView({ content, offer, treatment, token }: Proposition): object {
  return { content, offer, treatment, token }
}
