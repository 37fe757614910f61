import { Type } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { HealthSchema } from './schemas.ts'

/** `/health/live` and `/health/ready`. */
export function healthRoutes(app: App, api: NodeApi): void {
  app.get(
    '/health/live',
    {
      schema: {
        summary: 'Whether the process runs',
        description: 'Depends on nothing else: an outage of NATS must not restart all nodes.',
        response: { 200: Type.Object({ live: Type.Boolean() }) },
      },
    },
    () => ({ live: true }),
  )
  app.get(
    '/health/ready',
    {
      schema: {
        summary: 'Whether it should get traffic',
        description: '503 where not; `problems` says why, one sentence each.',
        response: { 200: HealthSchema, 503: HealthSchema },
      },
    },
    (_request, reply) => {
      const health = api.health()
      return reply.code(health.ready ? 200 : 503).send(health)
    },
  )
}
