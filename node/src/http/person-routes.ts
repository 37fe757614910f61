import { Readable } from 'node:stream'
import {
  bounds,
  evenBlocked,
  type FragmentId,
  fragmentIdOf,
  fragmentName,
  parseIdentifier,
  printable,
} from '@halfsecond/protocol'
import { type Static, Type } from 'typebox'
import { auditOf } from '../core/person/audit.ts'
import { conflictsOf } from '../core/person/conflicts.ts'
import type { HeadView } from '../core/person/head-view.ts'
import {
  greatestFirst,
  joinHeads,
  joinTimelines,
  linksOf,
  sessionsIn,
} from '../core/person/person-view.ts'
import type { NodeApi } from '../runtime/node-api.ts'
import type { Members, People } from '../runtime/people/people.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { peopleOf } from './people-of.ts'
import { RequestError } from './problem.ts'
import { readAll } from './reads.ts'
import { Anything } from './schemas.ts'

const Identified = Type.Object({
  identifier: Type.String({ description: 'namespace:value, like anon:4hG8' }),
})

const Epoch = {
  epoch: Type.Optional(
    Type.String({
      pattern: '^\\d{1,2}$',
      description: 'Of a device that changed hands: which time, from 0. Default: the present one.',
    }),
  ),
}
const InEpoch = Type.Object(Epoch)

/** Entries of a timeline that one answer brings. */
const newestMax = 10_000
const newestShown = 20

const response = { 200: Anything, ...problems }

const Newest = {
  newest: Type.Optional(
    Type.String({ pattern: '^\\d{1,5}$', description: `So many entries; at most ${newestMax}.` }),
  ),
}

/** What is known of one person, put together from all that the person is known by. */
export function personRoutes(app: App, api: NodeApi): void {
  const people = peopleOf(api)
  /** Rejects with 404 where nothing is known. */
  const membersOf = async (asked: Asked): Promise<Members> => {
    const { identifier, epoch } = readAsked(asked, api)
    return (await people.person(identifier, epoch)) ?? unknown(identifier)
  }
  const timelineOf = async (members: readonly HeadView[], newest?: number) => {
    const timeline = joinTimelines(await people.profiles(members, newest))
    return newest === undefined ? timeline : timeline.slice(Math.max(0, timeline.length - newest))
  }
  app.get(
    '/v1/profiles/:identifier',
    {
      schema: {
        summary: 'Everything known of a person',
        description:
          'By whichever identifier: facts of all that it is linked to, each with where it came from. 404 where nothing is known. With `newest`, the timeline and the sessions are of the newest entries only. With `alone`, what this identifier itself brought.',
        params: Identified,
        querystring: Type.Object({ ...Epoch, ...Newest, alone: Type.Optional(Type.String()) }),
        response,
      },
    },
    async ({ params, query }, reply) => {
      if (query.alone !== undefined) {
        const { identifier, epoch } = readAsked({ ...params, ...query }, api)
        const [present] = await people.fragmentsOf(identifier)
        const id = epoch === undefined ? present : fragmentIdOf(identifier, epoch)
        const newest = newestIn(query)
        const profile = await readAll({ what: 'profile', identifier: id, newest }, api)
        if (profile.length === 0) unknown(id)
        return reply.type('application/json; charset=utf-8').send(profile)
      }
      const { asked, all } = await membersOf({ ...params, ...query })
      const timeline = await timelineOf(all, newestIn(query))
      const head = joinHeads(asked, all, api.namespaces)
      return { ...head, timeline, sessions: sessionsIn(timeline) }
    },
  )
  app.get(
    '/v1/profiles/:identifier/timeline',
    {
      schema: {
        summary: 'The newest of what a person did, on all channels',
        description: 'Oldest first, 20 by default; each entry says by which identifier it came.',
        params: Identified,
        querystring: Type.Object({ ...Epoch, ...Newest }),
        response,
      },
    },
    async ({ params, query }) => {
      const { all } = await membersOf({ ...params, ...query })
      return { timeline: await timelineOf(all, newestIn(query) ?? newestShown) }
    },
  )
  app.get(
    '/v1/profiles/:identifier/links',
    {
      schema: {
        summary: 'The links that make a person, and those that were refused',
        params: Identified,
        querystring: InEpoch,
        response,
      },
    },
    async ({ params, query }) => {
      const { all } = await membersOf({ ...params, ...query })
      const members = greatestFirst(all, api.namespaces)
      const links = linksOf(members).filter(({ strength }) => strength !== undefined)
      return { identifiers: members.map(({ id }) => fragmentName(id)), links }
    },
  )
  app.get(
    '/v1/profiles/:identifier/audit',
    {
      schema: {
        summary: 'How a person came together and apart',
        description: 'Links, removals, refusals, splits, logins and erases, oldest first.',
        params: Identified,
        querystring: InEpoch,
        response,
      },
    },
    async ({ params, query }) => ({
      audit: auditOf((await membersOf({ ...params, ...query })).all),
    }),
  )
  app.get(
    '/v1/profiles/:identifier/conflicts',
    {
      schema: {
        summary: 'Links of a person that join nobody, and why',
        params: Identified,
        querystring: InEpoch,
        response,
      },
    },
    async ({ params, query }) => {
      const { asked, all } = await membersOf({ ...params, ...query })
      // A login that came too late contradicts an epoch that is over.
      const earlier = query.epoch === undefined ? await people.otherEpochs(asked) : []
      return { conflicts: [...all, ...earlier].flatMap(conflictsOf) }
    },
  )
  app.get(
    '/v1/profiles/:identifier/export',
    {
      exposeHeadRoute: false,
      schema: {
        summary: 'Everything held on one person',
        description:
          'One JSON object. A connection that breaks means that it is not complete: then it is not JSON.',
        params: Identified,
        querystring: InEpoch,
        response,
      },
    },
    async ({ params, query }, reply) => {
      const members = await membersOf({ ...params, ...query })
      return reply
        .type('application/json; charset=utf-8')
        .send(Readable.from(wholePerson(members, people, api)))
    },
  )
  app.get(
    '/v1/conflicts',
    {
      exposeHeadRoute: false,
      schema: {
        summary: 'Every link that joins nobody, and why: one JSON object per line',
        description:
          'Of all shards, whichever nodes hold them. A connection that breaks means that the list is not complete.',
        response: { 200: Anything },
      },
    },
    (_request, reply) => reply.type('application/x-ndjson').send(Readable.from(allConflicts(api))),
  )
}

function newestIn({ newest }: { readonly newest?: string }): number | undefined {
  return newest === undefined ? undefined : Math.min(Number(newest), newestMax)
}

type Asked = Static<typeof Identified> & Static<typeof InEpoch>

function readAsked({ identifier, epoch }: Asked, { namespaces }: NodeApi) {
  const parsed = parseIdentifier(identifier, evenBlocked(namespaces))
  if (epoch === undefined) return { identifier: parsed }
  const number = Number(epoch)
  if (number < bounds.epochsPerDevice) return { identifier: parsed, epoch: number }
  throw new RequestError(404, 'INVALID', `a device has at most ${bounds.epochsPerDevice} epochs`)
}

function unknown(id: FragmentId): never {
  throw new RequestError(404, 'INVALID', `nothing is known of ${printable(fragmentName(id))}`)
}

async function* wholePerson(
  { asked, all }: Members,
  people: People,
  { namespaces }: NodeApi,
): AsyncGenerator<Uint8Array> {
  const head = {
    exportedAt: new Date().toISOString(),
    ...joinHeads(asked, all, namespaces),
    audit: auditOf(all),
  }
  yield Buffer.from(`${JSON.stringify(head).slice(0, -1)},"members":[`)
  yield* people.texts(greatestFirst(all, namespaces))
  yield Buffer.from(']}\n')
}

async function* allConflicts(api: NodeApi): AsyncGenerator<Uint8Array> {
  for (const shard of api.map().shards.keys()) yield* api.read({ what: 'conflicts', shard })
}
