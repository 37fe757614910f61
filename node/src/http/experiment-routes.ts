import { type TSchema, Type } from 'typebox'
import type { Experiment } from '../core/decision/playbook.ts'
import { controlOf, measureText } from '../core/learning/experiment-report.ts'
import { reportInWords } from '../core/learning/experiment-words.ts'
import type { NodeApi } from '../runtime/node-api.ts'
import type { App } from './listener.ts'
import { problems } from './openapi.ts'
import { Anything } from './schemas.ts'

const Named = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64, description: "The experiment's name." }),
})

const Against = Type.Object({
  against: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description:
        'The arm that the others are compared with. Default: the one that does least: default content, else any offer, else without what was learnt, else the first.',
    }),
  ),
})

const Report: TSchema = Type.Object({
  experiment: Type.String(),
  at: Type.String({ description: 'When it was made.' }),
  starts: Type.Union([Type.String(), Type.Null()]),
  ends: Type.Union([Type.String(), Type.Null()]),
  control: Type.String({ description: 'The arm that the others are compared with.' }),
  words: Type.Array(Type.String(), { description: 'What it says, in sentences.' }),
  arms: Type.Array(Anything, {
    description:
      '{arm, share, shows, people, reach: {share, of, notKnown}, days: [{at, people, whole, did}]}. `reach` is the share of the newest decisions in the arm that show something else than the control would have.',
  }),
  sampleRatio: Type.Optional(
    Type.Object(
      { chiSquare: Type.Number(), p: Type.Number(), isAlarm: Type.Boolean() },
      { description: 'Whether the arms got the people they were promised.' },
    ),
  ),
  measures: Type.Array(Anything, {
    description:
      'The experiment’s own, then its guardrails: {measure, isGuardrail, arms: [{arm, people, did, rate, compared: {verdict, lift: {difference, relative, interval: {low, high, relative}}, adjusted, wait}}]}. `people` are those whose time is over.',
  }),
  seen: Type.Integer({ description: 'Persons that were looked at.' }),
  several: Type.Integer({
    description:
      'Shown more than one arm, as two profiles that were found to be one person; they count by the first.',
  }),
  formerly: Type.Integer({ description: 'In arms that the playbook does not have any more.' }),
})

/** What experiments say. */
export function experimentRoutes(app: App, api: NodeApi): void {
  app.get(
    '/v1/experiments',
    {
      schema: {
        summary: 'The experiments of the playbook that decides',
        response: { 200: Type.Object({ experiments: Type.Array(Anything) }), ...problems },
      },
    },
    () => ({ experiments: api.experiments.all().map(told) }),
  )
  app.get(
    '/v1/experiments/:name',
    {
      schema: {
        summary: 'What an experiment says so far: lift with an interval that is good at any time',
        description:
          'Reads through everybody, on all nodes: a million profiles take about half a minute of processor time.',
        params: Named,
        querystring: Against,
        response: { 200: Report, ...problems },
      },
    },
    async ({ params, query }) => {
      const report = await api.experiments.report(params.name, query.against)
      return {
        ...report,
        at: timeOf(report.at),
        starts: report.starts === null ? null : timeOf(report.starts),
        ends: report.ends === null ? null : timeOf(report.ends),
        words: reportInWords(report),
        arms: report.arms.map((arm) => ({
          ...arm,
          days: arm.days.map((day) => ({ ...day, at: timeOf(day.at) })),
        })),
      }
    },
  )
}

function told({ name, placements, arms, starts, ends, measure, guardrails }: Experiment) {
  return {
    experiment: name,
    placements: [...placements],
    arms: arms.map((arm) => ({ arm: arm.name, share: arm.share, shows: arm.shows })),
    control: controlOf(arms),
    measure: measureText(measure),
    guardrails: guardrails.map(measureText),
    starts: Number.isFinite(starts) ? timeOf(starts) : null,
    ends: Number.isFinite(ends) ? timeOf(ends) : null,
  }
}

function timeOf(at: number): string {
  return new Date(at).toISOString()
}
