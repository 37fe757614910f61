import { HalfsecondError } from '@halfsecond/protocol'
import { type TSchema, Type } from 'typebox'
import type { NodeApi } from '../runtime/node-api.ts'
import { jsonType } from './bodies.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { RequestError } from './problem.ts'
import { Anything } from './schemas.ts'

/** What YAML is sent as: there is a registered type, and what came before it. */
export const playbookTypes = [
  'application/yaml',
  'application/x-yaml',
  'text/yaml',
  'text/x-yaml',
  'text/plain',
  jsonType,
]

const Active: TSchema = Type.Object({
  version: Type.Integer(),
  hash: Type.String(),
  name: Type.String(),
})

/** The playbook: publish it, read it, read its default content. */
export function playbookRoutes(app: App, api: NodeApi): void {
  app.post(
    '/v1/playbook',
    {
      schema: {
        summary: 'Check a playbook and make it the active one',
        description:
          'The body is its text, YAML or JSON. 422 with `faults`, each with line and column, where it is wrong; then the version before stays active.',
        body: {
          content: Object.fromEntries(
            playbookTypes.map((type) => [type, { schema: Type.String() }]),
          ),
        },
        response: { 200: Active, ...problems },
      },
    },
    async ({ body }) => {
      if (typeof body !== 'string' || body === '')
        throw new HalfsecondError('MALFORMED', 'the body is the text of a playbook')
      const { version, hash, name } = await api.publishPlaybook(body)
      return { version, hash, name }
    },
  )
  app.get(
    '/v1/playbook',
    {
      schema: {
        summary: 'The playbook that decides, with its text',
        description: '404 before the first was published.',
        response: { 200: Anything, ...problems },
      },
    },
    () => {
      const playbook = api.playbook()
      if (playbook === undefined) {
        const hint = 'no playbook yet: publish one with `halfsecond playbook publish FILE`'
        throw new RequestError(404, 'INVALID', hint)
      }
      return playbook
    },
  )
  app.get(
    '/v1/playbook/defaults',
    {
      schema: {
        summary: 'Default content by placement: the defaults file of clients',
        response: { 200: Anything },
      },
    },
    () => api.defaults(),
  )
}
