import {
  bounds,
  channelKinds,
  HalfsecondError,
  outcomes,
  reasons,
  retryableByCode,
} from '@halfsecond/protocol'
import { type Static, type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'

/*
 * What the doors take and answer in JSON: for the OpenAPI page, and, where a handler reads a body
 * by `reader`, for judging it. Records are documented here and judged by the protocol's validators,
 * each on its own, so that one faulty record does not refuse the others. Answers are typed where they
 * are made: their schemas are `TSchema`, so that fastify does not ask for mutable copies.
 */

const Text = (description: string, example: string) =>
  Type.String({ description, examples: [example] })

export const Identifiers = Type.Union(
  [
    Type.Record(Type.String(), Type.String(), { examples: [{ anon: '4hG8', user: '17' }] }),
    Type.Array(Type.String(), { examples: [['anon:4hG8', 'user:17']] }),
  ],
  {
    description: `All that the visitor is known by, at most ${bounds.identifiersPerCall}: values by namespace, or a list of namespace:value.`,
  },
)

export const Position = Text(
  'Where the record is in the log. Pass it to a decide of any server: its answer reflects the record.',
  'hs1.kZMHzhI0VngB',
)

const ErrorCodes = Type.Union(Object.keys(retryableByCode).map((code) => Type.Literal(code)))

const ErrorSchema = Type.Object({
  code: ErrorCodes,
  message: Type.String(),
})

export const Results: TSchema = Type.Object({
  results: Type.Array(
    Type.Union([
      Type.Object({
        position: Position,
        confirmed: Type.Optional(
          Type.Boolean({
            description:
              'Of an accept: whether every channel’s next answer is known to reflect it.',
          }),
        ),
      }),
      Type.Object({ error: ErrorSchema }),
    ]),
    { description: 'One for each, in order.' },
  ),
})

const Time = Type.Integer({
  description: 'When it happened, in milliseconds since 1970. Default: now.',
  examples: [1_795_000_000_000],
})

const Properties = Type.Record(Type.String(), Type.Unknown(), {
  description: 'Text, finite numbers, booleans, null, lists and maps, at most four levels deep.',
})

const Record = Type.Object(
  {
    kind: Type.Union(channelKinds.map((kind) => Type.Literal(kind))),
    id: Text(
      'Names the record: sent again with the same id, it changes nothing.',
      'order-2107-paid',
    ),
    key: Type.Optional(Text('The identifier that the record is about.', 'anon:4hG8')),
    identifiers: Type.Optional(Identifiers),
    at: Type.Optional(Time),
    channel: Type.Optional(Text('The channel that observed it.', 'web')),
    source: Type.Optional(
      Text('The system that says so, if not the channel: stands beside each value.', 'crm'),
    ),
    name: Type.Optional(Text('Of an event.', 'page')),
    properties: Type.Optional(Properties),
    set: Type.Optional(Properties),
    unset: Type.Optional(Type.Array(Type.String(), { description: 'Traits to remove.' })),
    to: Type.Optional(Text('Of a link or unlink: the other identifier.', 'user:17')),
    strength: Type.Optional(
      Text('Of a link: authenticated, asserted or observed. Default: asserted.', 'authenticated'),
    ),
    purpose: Type.Optional(Text('Of a consent.', 'personalise')),
    granted: Type.Optional(Type.Boolean()),
  },
  {
    description:
      'One of `key` and `identifiers` is required; of several identifiers the greatest is the key.',
  },
)

/** Documents `POST /v1/events`. */
export const Records = Type.Object({ records: Type.Array(Record) })

/** Judges it: the records one by one, later. */
export const RecordList = Type.Object({ records: Type.Array(Type.Unknown(), { minItems: 1 }) })

export const DecideRequest = Type.Object({
  identifiers: Identifiers,
  placements: Type.Array(Type.String({ examples: ['home-hero'] }), {
    minItems: 1,
    maxItems: bounds.placementsPerDecide,
  }),
  position: Type.Optional(Position),
  deadline: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: bounds.deadlineMs,
      description: 'Milliseconds to wait for an answer; then default content. Default: 400.',
    }),
  ),
  isBot: Type.Optional(
    Type.Boolean({
      description:
        'Whoever asks is no person, like a crawler: default content without a token, which counts nowhere.',
    }),
  ),
})

const Proposition = {
  content: Type.Unknown({ description: 'What the channel renders.' }),
  offer: Type.Optional(Type.String({ description: 'Absent for default content.' })),
  treatment: Type.Optional(Type.String()),
  token: Type.Optional(Type.String({ description: 'Brings an outcome back: POST /v1/outcomes.' })),
}

export const DecideResponse: TSchema = Type.Object({
  decisions: Type.Record(
    Type.String(),
    Type.Object({
      ...Proposition,
      placement: Type.String(),
      reason: Type.Union(reasons.map((reason) => Type.Literal(reason))),
      freshness: Type.Union([Type.Literal('fresh'), Type.Literal('stale')]),
      playbook: Type.Integer({ description: 'Version that decided; 0 for default content.' }),
      model: Type.Optional(
        Type.Integer({ description: 'Version of what was learnt, where it had a say.' }),
      ),
      decision: Type.String({ description: 'Names the decision.' }),
      propositions: Type.Array(Type.Object(Proposition), {
        description: 'All to show, best first; the first is repeated above.',
      }),
      error: Type.Optional(ErrorSchema),
    }),
    { description: 'By placement.' },
  ),
  position: Position,
})

const OutcomeReport = Type.Object({
  token: Type.String({ description: 'As the proposition brought it.' }),
  outcome: Type.Union(outcomes.map((outcome) => Type.Literal(outcome))),
  reason: Type.Optional(
    Text('Why, in a word. A reject with the reason cancel takes an acceptance back.', 'cancel'),
  ),
  across: Type.Optional(
    Text('Of an unsubscribe: group, for all offers of the offer’s group.', 'group'),
  ),
  at: Type.Optional(Time),
  id: Type.Optional(Type.String()),
})

/** Documents `POST /v1/outcomes`; each is judged on its own. */
export const Outcomes = Type.Union([OutcomeReport, Type.Array(OutcomeReport)])

const Landing = Type.Object({
  token: Type.String({ description: 'As the proposition in the message brought it.' }),
  device: Type.String({ description: 'The visitor’s own identifier, like anon:4hG8.' }),
  at: Type.Optional(Time),
  id: Type.Optional(Type.String()),
})

/** Documents `POST /v1/landings`; each is judged on its own. */
export const Landings = Type.Union([Landing, Type.Array(Landing)])

export const ProblemSchema: TSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: ErrorCodes,
  retryable: Type.Boolean({ description: 'The same request may succeed later, unchanged.' }),
})

export const HealthSchema: TSchema = Type.Object({
  ready: Type.Boolean(),
  problems: Type.Array(Type.String()),
  shards: Type.Object({
    total: Type.Integer(),
    following: Type.Integer(),
    fresh: Type.Integer(),
  }),
  logReachable: Type.Boolean(),
})

export const Anything: TSchema = Type.Unknown()

/**
 * Makes the function that reads a body of this form.
 * It throws HalfsecondError `INVALID`, naming the first place that is wrong.
 */
export function reader<T extends TSchema>(schema: T): (body: unknown) => Static<T> {
  const validator = Compile(schema)
  const is = (body: unknown): body is Static<T> => validator.Check(body)
  return (body) => {
    if (is(body)) return body
    const [error] = validator.Errors(body)
    const place = error?.instancePath ? error.instancePath.slice(0, 80) : 'the body'
    throw new HalfsecondError('INVALID', `${place} ${error?.message ?? 'has another form'}`)
  }
}
