import { HalfsecondError } from '@halfsecond/protocol'
import { Type } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import { parseJson } from './bodies.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { Anything, reader } from './schemas.ts'

const Caution = Type.Object({
  dryRun: Type.Optional(
    Type.Boolean({ description: 'Only look whether it is possible; changes nothing.' }),
  ),
  force: Type.Optional(
    Type.Boolean({ description: 'Also while there are too few replicas, or another node leaves.' }),
  ),
})
const readCaution = reader(Caution)

const MoveRequest = Type.Object({
  to: Type.String({ description: 'The node that shall lead the shard.' }),
  dryRun: Type.Optional(Type.Boolean()),
})
const readMove = reader(MoveRequest)

const NodeAction = Type.Object({
  node: Type.String(),
  action: Type.Union([
    Type.Literal('drain'),
    Type.Literal('undrain'),
    Type.Literal('decommission'),
  ]),
})

const intents = { drain: 'drain', undrain: 'serve', decommission: 'decommission' } as const

/** The cluster: how it is, and what operators want of it. Any node can be asked. */
export function clusterRoutes(app: App, api: NodeApi): void {
  app.get(
    '/v1/cluster',
    {
      schema: {
        summary: 'Nodes, shards with their replicas, redundancy, logs, rebalancing',
        description: 'As this node sees it, also while NATS is away.',
        response: { 200: Anything, ...problems },
      },
    },
    () => api.operations.view(),
  )
  app.post(
    '/v1/cluster/nodes/:node/:action',
    {
      schema: {
        summary: 'Take a node out of service, or back',
        description: [
          '`drain`: others lead what it led; it keeps its replicas. `decommission`: its replicas are made elsewhere too. `undrain`: takes either back.',
          'Answers when it is agreed; `GET /v1/cluster` shows how far it is. 422 where the cluster has too few replicas for it.',
        ].join('\n\n'),
        params: NodeAction,
        body: Caution,
        response: { 200: Anything, ...problems },
      },
    },
    async ({ params, body }) => {
      const { node, action } = params
      const { dryRun = false, force = false } = readCaution(bodyIn(body))
      const intent = intents[action]
      await api.operations.intend(node, intent, { dryRun, force })
      return { node, intent, dryRun }
    },
  )
  app.post(
    '/v1/cluster/shards/:shard/move',
    {
      schema: {
        summary: 'Let a node lead a shard',
        description: 'Holds until rebalancing is cancelled. Answers when it is agreed.',
        params: Type.Object({ shard: Type.String() }),
        body: MoveRequest,
        response: { 200: Anything, ...problems },
      },
    },
    async ({ params, body }) => {
      const { to, dryRun = false } = readMove(bodyIn(body))
      const shard = shardIn(params.shard)
      await api.operations.move(shard, to, dryRun)
      return { shard, to, dryRun }
    },
  )
  rebalanceRoutes(app, api)
}

function rebalanceRoutes(app: App, api: NodeApi): void {
  app.get(
    '/v1/cluster/rebalance/plan',
    {
      schema: {
        summary: 'What is going to move, and why, if nothing is paused',
        response: { 200: Anything, ...problems },
      },
    },
    async () => ({ moves: await api.operations.plan() }),
  )
  app.post(
    '/v1/cluster/rebalance/apply',
    {
      schema: {
        summary: 'Let the cluster move shards for balance',
        response: { 200: Anything, ...problems },
      },
    },
    async () => {
      await api.operations.apply()
      return { isPaused: false }
    },
  )
  app.post(
    '/v1/cluster/rebalance/cancel',
    {
      schema: {
        summary: 'Stop moving shards for balance, and forget the moves that were asked for',
        description: 'Failing over and replacing lost replicas go on.',
        response: { 200: Anything, ...problems },
      },
    },
    async () => {
      await api.operations.cancel()
      return { isPaused: true }
    },
  )
}

/** On the admin port JSON stays text, for playbooks are written in it. No body says nothing. */
function bodyIn(body: unknown): unknown {
  return typeof body === 'string' ? parseJson(Buffer.from(body)) : (body ?? {})
}

function shardIn(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text)
  throw new HalfsecondError('INVALID', 'a shard is a number')
}
