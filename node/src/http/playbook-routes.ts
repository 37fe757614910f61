import { HalfsecondError } from '@halfsecond/protocol'
import { type TSchema, Type } from 'typebox'
import type { PlaybookVersion } from '../runtime/decisions/publication.ts'
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

/** As large as a playbook may be: its checker says so with a place. */
const bodyBytesMax = 1024 * 1024 + 4_096

/** The longest name of whoever publishes, and the longest note. */
const nameCharsMax = 128
const noteCharsMax = 512

const Request = {
  by: Type.Optional(
    Type.String({
      maxLength: nameCharsMax,
      description: 'Who does it; kept with the version.',
      examples: ['ann'],
    }),
  ),
  note: Type.Optional(
    Type.String({ maxLength: noteCharsMax, description: 'Why; kept with the version.' }),
  ),
  force: Type.Optional(
    Type.Boolean({ description: 'Publish it although its tests fail, or there are objections.' }),
  ),
  dryRun: Type.Optional(Type.Boolean({ description: 'Find out everything, and publish nothing.' })),
}

const Publish = Type.Object({
  ...Request,
  trial: Type.Optional(
    Type.Boolean({ description: 'Whether to try it on the last timelines; by default it is.' }),
  ),
})

const version = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const Rollback = Type.Object({ ...Request, version })

const Published: TSchema = Type.Object({
  version: Type.Integer({ description: 'In a dry run: the one that decides, 0 before the first.' }),
  hash: Type.String(),
  name: Type.String(),
  isDry: Type.Boolean(),
  changes: Type.Object(
    {
      added: Type.Integer(),
      removed: Type.Integer(),
      changed: Type.Integer(),
      lines: Type.Array(Type.String(), { description: 'Each of them, in words.' }),
    },
    { description: 'What it says differently from the one that decided.' },
  ),
  failures: Type.Array(Anything, { description: 'What its own tests expect and it does not do.' }),
  warnings: Type.Array(Anything, { description: 'What is no fault, but hardly meant.' }),
  trial: Type.Optional(
    Type.Object(
      { timelines: Type.Integer(), partial: Type.Integer(), placements: Anything },
      {
        description:
          'How often the last timelines were shown default content, before and after, by placement. Of `partial` timelines not everything was at hand.',
      },
    ),
  ),
  risks: Type.Array(Type.String(), {
    description: 'What the trial says, where that is no objection.',
  }),
  objections: Type.Array(Type.String(), { description: 'Why it is refused without `force`.' }),
  lacking: Type.Array(Anything, { description: 'Living nodes that could not get it ready.' }),
})

/** The playbook: publish it, go back, read it and its history, read its default content. */
export function playbookRoutes(app: App, api: NodeApi): void {
  app.post(
    '/v1/playbook',
    {
      bodyLimit: bodyBytesMax,
      schema: {
        summary: 'Check a playbook, try it, and make it the active one',
        description:
          'The body is its text, YAML or JSON. 422 with `faults`, each with line and column, where it is wrong or fails its own tests, and without them where default content would rise by more than 20 points at a placement: then the version before stays active. It takes at most 15 seconds.',
        querystring: Publish,
        body: {
          content: Object.fromEntries(
            playbookTypes.map((type) => [type, { schema: Type.String() }]),
          ),
        },
        response: { 200: Published, ...problems },
      },
    },
    ({ body, query }) => {
      if (typeof body !== 'string' || body === '')
        throw new HalfsecondError('MALFORMED', 'the body is the text of a playbook')
      return api.publishing.publish(body, { ...requestOf(query), isTried: query.trial })
    },
  )
  app.post(
    '/v1/playbook/rollback',
    {
      schema: {
        summary: 'Publish the text of an earlier version again, under a new number',
        description: 'As `/v1/playbook`, but what the trial says is no reason to refuse it.',
        querystring: Rollback,
        response: { 200: Published, ...problems },
      },
    },
    ({ query }) => api.publishing.rollback(query.version, requestOf(query)),
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
    '/v1/playbook/versions',
    {
      schema: {
        summary: 'The newest 50 versions, latest first: who, when, why, and what changed',
        response: { 200: Type.Object({ versions: Type.Array(Anything) }), ...problems },
      },
    },
    async () => ({ versions: (await api.publishing.versions()).map(told) }),
  )
  app.get(
    '/v1/playbook/versions/:version',
    {
      schema: {
        summary: 'One version, with its text',
        params: Type.Object({ version }),
        response: { 200: Anything, ...problems },
      },
    },
    async ({ params }) => {
      const { text, ...found } = await api.publishing.at(params.version)
      return { ...told(found), text }
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

function requestOf({
  by = '',
  note,
  force,
  dryRun,
}: {
  readonly by?: string
  readonly note?: string
  readonly force?: boolean
  readonly dryRun?: boolean
}) {
  return { by, note, isForced: force, isDry: dryRun }
}

/** What an earlier version of this software did not keep is left out. */
function told({ at, name, by, note, isForced, rollsBack, changes, trial, ...is }: PlaybookVersion) {
  return {
    ...is,
    ...(name !== '' && { name }),
    at: new Date(at).toISOString(),
    ...(by !== '' && { by }),
    ...(note !== '' && { note }),
    isForced,
    ...(rollsBack !== undefined && { rollsBack }),
    ...(changes && { changes }),
    ...(trial && { trial }),
  }
}
