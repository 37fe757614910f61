import { HalfsecondError, isOutcome } from '@halfsecond/protocol'
import { outcomeOf } from '@halfsecond/protocol/token'
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
    description: [
      'the same outcome of the same proposition again changes nothing. An expired token is taken too:',
      'what happened is true however late. For an accept `confirmed` says whether every channel’s next',
      'answer is known to reflect it, which takes milliseconds, and is waited for at most half a second.',
    ].join(' '),
    isTakenLate: true,
    body: Outcomes,
    record: async ({ token, fields: { outcome, reason, across }, options }) => {
      if (!isOutcome(outcome))
        throw new HalfsecondError(
          'INVALID',
          'outcome is display, click, accept, reject, dismiss, …',
        )
      const said = outcomeOf(token)
      if (reason !== undefined && typeof reason !== 'string')
        throw new HalfsecondError('INVALID', 'reason is a word')
      if (across !== undefined && across !== 'group')
        throw new HalfsecondError('INVALID', 'across is group')
      const more = {
        ...(reason !== undefined && { reason }),
        ...(across !== undefined && { across: 'group' as const }),
      }
      const position = await api.client.record({ ...said, outcome, ...more }, options)
      if (outcome !== 'accept') return position
      return { position, confirmed: await api.client.isEverywhere(said.key, position) }
    },
  })
}
