import type { NodeApi } from '../runtime/node-api.ts'
import type { HttpTelemetry } from './http-server.ts'
import type { App } from './listener.ts'
import { Anything } from './schemas.ts'

/** `/metrics` and `/v1/status`. */
export function operationsRoutes(app: App, api: NodeApi, telemetry: HttpTelemetry): void {
  app.get(
    '/metrics',
    {
      schema: { summary: 'Metrics in the text format of Prometheus', response: { 200: Anything } },
    },
    async (_request, reply) => reply.type(telemetry.contentType).send(await telemetry.metrics()),
  )
  app.get(
    '/v1/status',
    {
      schema: {
        summary: 'How the node is',
        response: { 200: Anything },
      },
    },
    () => {
      const { epoch, nodes, shards } = api.map()
      const playbook = api.playbook()
      return {
        node: api.id,
        health: api.health(),
        playbook: playbook && {
          version: playbook.version,
          hash: playbook.hash,
          name: playbook.name,
        },
        map: { epoch, nodes, shards: shards.length },
        replicas: api.replicas(),
        uptimeSeconds: Math.round(process.uptime()),
      }
    },
  )
}
