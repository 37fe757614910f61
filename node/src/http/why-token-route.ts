import { Type } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { Anything } from './schemas.ts'

const description = `What the token says; then, under \`then\`, the decision that it is from, made again from the decision log: \`{at, node, oneOf, isSame, isAsTold, explanations}\`. \`isSame\` is whether that shows what was shown, \`isAsTold\` whether what was shown is what the token says; one of \`oneOf\` decisions was logged at that time. Where it cannot be made again there is \`missing\` instead, a sentence that says why. \`FORBIDDEN\` where the visitor was erased since.`

/** `GET /v1/why`: what a token says, and why that was decided. Admin only. */
export function whyTokenRoute(app: App, api: NodeApi): void {
  app.get(
    '/v1/why',
    {
      schema: {
        summary: 'What a token says, and why it was decided',
        description,
        querystring: Type.Object({ token: Type.String() }),
        response: { 200: Anything, ...problems },
      },
    },
    async ({ query }) => {
      // An expired token still tells what was shown: any time at which it was good proves the signature.
      const token = api.tokenKeys.verify(query.token, 0, api.namespaces)
      const { decidedAt, expiresAt, ...said } = token
      const why = await api.past.explain(token)
      return {
        token: {
          ...said,
          decidedAt: isoTime(decidedAt),
          expiresAt: isoTime(expiresAt),
          expired: Date.now() > expiresAt,
        },
        ...decidedOf(why),
      }
    },
  )
}

/** `GET /v1/decisions/verify`: whether what was decided comes out again. Admin only. */
export function verifyRoute(app: App, api: NodeApi): void {
  app.get(
    '/v1/decisions/verify',
    {
      schema: {
        summary: 'Whether decisions of the past come out again as they were',
        description:
          'Makes every decision of the decision log again that was logged from one time to another, and says how many show what was shown: `{decisions, same, unknown, different}`. `unknown` are those whose playbook is gone or whose profile was too large to be logged, `different` the ids of the first that show something else. For after an upgrade.',
        querystring: Type.Object({ from: Time, to: Type.Optional(Time) }),
        response: { 200: Anything, ...problems },
      },
    },
    ({ query: { from, to } }) =>
      api.past.verify(Date.parse(from), to === undefined ? Date.now() : Date.parse(to)),
  )
}

const Time = Type.String({
  format: 'date-time',
  description: 'Like 2026-11-27T14:03:00Z. Default of `to`: now.',
})

function decidedOf(why: Awaited<ReturnType<NodeApi['past']['explain']>>): object {
  if (why.kind === 'unknown') return { missing: why.text }
  const { kind: _, at, ...rest } = why
  return { decided: { at: isoTime(at), ...rest } }
}

function isoTime(time: number): string {
  return new Date(time).toISOString()
}
