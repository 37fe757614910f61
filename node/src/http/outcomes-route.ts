import { HalfsecondError, isOutcome } from '@halfsecond/protocol'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { Outcomes } from './schemas.ts'
import { tokenRoute } from './token-route.ts'

/** `POST /v1/outcomes`: what became of content, by the token that came with it. */
export function outcomesRoute(app: App, api: NodeApi): void {
  tokenRoute(app, api, {
    path: '/v1/outcomes',
    summary: 'Record displays, clicks, accepts, …',
    one: 'One outcome',
    many: 'outcomes',
    description: 'the same outcome of the same proposition again changes nothing.',
    body: Outcomes,
    record: ({ token, fields: { outcome }, options }) => {
      if (!isOutcome(outcome))
        throw new HalfsecondError(
          'INVALID',
          'outcome is display, click, accept, reject, dismiss, …',
        )
      const { decision, key, placement, offer, treatment } = token
      const record = { kind: 'outcome' as const, key, decision, placement, offer, treatment }
      return api.client.record({ ...record, outcome }, options)
    },
  })
}
