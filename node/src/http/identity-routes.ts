import { HalfsecondError } from '@halfsecond/protocol'
import { type TSchema, Type } from 'typebox'
import type { IdentityVersion } from '../runtime/identity/identity-registry.ts'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { playbookTypes } from './playbook-routes.ts'
import { Anything } from './schemas.ts'

/** The longest name of whoever changes a configuration. */
const nameCharsMax = 128

const By = Type.Object({
  by: Type.String({
    minLength: 1,
    maxLength: nameCharsMax,
    description: 'Who does it; kept with the version.',
    examples: ['ann'],
  }),
})

const DryRun = Type.Object({
  version: Type.Integer({ minimum: 0, description: 'A version before the present one.' }),
  dryRun: Type.Optional(Type.Boolean({ description: 'Only tell what would be unlinked.' })),
})

const Revert = Type.Intersect([By, DryRun])

const body = {
  content: Object.fromEntries(playbookTypes.map((type) => [type, { schema: Type.String() }])),
}

const Plan: TSchema = Type.Object({
  identity: Type.String(),
  base: Type.Integer({ description: 'The version that it would follow.' }),
  isSame: Type.Boolean({ description: 'It says what holds already.' }),
  changing: Type.Integer({ description: 'Profiles that change.' }),
  changes: Type.Array(Anything, { description: 'The first 1,000 of them, and how.' }),
})

/** By what visitors are recognised: plan, apply and revert a configuration. */
export function identityRoutes(app: App, api: NodeApi): void {
  app.get(
    '/v1/identity',
    {
      schema: {
        summary: 'The identity configuration that holds, and the versions before',
        response: { 200: Anything, ...problems },
      },
    },
    async () => ({
      ...told(api.identity.current),
      versions: (await api.identity.versions()).map(told),
    }),
  )
  app.post(
    '/v1/identity/plan',
    {
      schema: {
        summary: 'Exactly which profiles a configuration would change',
        description:
          'The body is its text, YAML or JSON. 422 with `faults`, each with line and column, where it is wrong. Reads every profile; changes nothing.',
        body,
        response: { 200: Plan, ...problems },
      },
    },
    ({ body: text }) => api.identity.plan(textIn(text)),
  )
  app.post(
    '/v1/identity/apply',
    {
      schema: {
        summary: 'Make a configuration the one that holds, and change what the plan says',
        description:
          'As `/v1/identity/plan`, and answers its `version`. A text that holds already gets none; what was cut off before is completed.',
        querystring: By,
        body,
        response: { 200: Anything, ...problems },
      },
    },
    ({ body: text, query }) => api.identity.apply(textIn(text), query.by),
  )
  app.post(
    '/v1/identity/revert',
    {
      schema: {
        summary: 'Take up an earlier version again, and unlink what was linked since',
        querystring: Revert,
        response: { 200: Anything, ...problems },
      },
    },
    ({ query }) =>
      query.dryRun
        ? api.identity.planRevert(query.version)
        : api.identity.revert(query.version, query.by),
  )
}

function told({ version, identity, by, at, reverts, text }: IdentityVersion): object {
  return {
    version,
    identity,
    ...(by !== '' && { by, at: new Date(at).toISOString() }),
    ...(reverts !== undefined && { reverts }),
    ...(text !== '' && { configuration: JSON.parse(text) }),
  }
}

function textIn(body: unknown): string {
  if (typeof body === 'string' && body !== '') return body
  throw new HalfsecondError('MALFORMED', 'the body is the text of an identity configuration')
}
