import { durationInWords } from '../core/duration.ts'
import { readTrial } from '../core/learning/trial.ts'
import { numberOf } from './cluster-answer.ts'
import { type Fields, listOf, textOf } from './fields.ts'
import { tableOf } from './table.ts'

/** Versions as a table. @param models as `GET /v1/models` answers them */
export function describeModels(models: readonly Fields[]): readonly string[] {
  const heading = ['model', 'published', 'playbook', 'beliefs', 'placements']
  const rows = models.map(({ version, publishedAt, playbook, beliefs, placements }) => [
    textOf(version),
    timeOf(publishedAt),
    textOf(playbook),
    textOf(beliefs),
    (Array.isArray(placements) ? placements : []).map(textOf).join(', '),
  ])
  return tableOf([heading, ...rows])
}

/** What a version says. @param model as `GET /v1/model` answers it */
export function describeModel(model: Fields): readonly string[] {
  const { version, publishedAt, playbook } = model
  const head = `model ${textOf(version)}, published ${timeOf(publishedAt)}, of playbook ${textOf(playbook)}`
  return [head, ...listOf(model.placements).flatMap(describePlacement)]
}

function describePlacement({ placement, lesson, trainer, buckets }: Fields): readonly string[] {
  const all = listOf(buckets)
  const rows = all.flatMap(({ bucket, arms }) =>
    listOf(arms).map((arm) => [bucketName(bucket, all.length), ...armCells(arm)]),
  )
  const heading = [
    'bucket',
    'offer',
    'treatment',
    'trials',
    'rewards',
    'rate',
    '90 % between',
    'wins',
  ]
  const columns = all.length > 1 ? rows : rows.map((row) => row.slice(1))
  const names = all.length > 1 ? heading : heading.slice(1)
  const title = `${textOf(placement)}: ${lessonInWords(textOf(lesson))}; trainer ${textOf(trainer)}`
  return ['', title, ...tableOf([names, ...columns]).map((line) => `  ${line}`)]
}

function armCells({ offer, treatment, trials, rewards, rate, low, high, wins }: Fields): string[] {
  return [
    textOf(offer),
    textOf(treatment),
    countOf(trials),
    countOf(rewards),
    percentOf(rate),
    `${percentOf(low)} – ${percentOf(high)}`,
    `${Math.round(100 * numberOf(wins))} %`,
  ]
}

function bucketName(bucket: unknown, count: number): string {
  if (bucket === null) return count > 1 ? '(any other)' : ''
  return bucket === '' ? '(none)' : textOf(bucket)
}

function lessonInWords(lesson: string): string {
  const trial = readTrial(`${lesson} `)
  if (trial === undefined) return lesson
  const { reward, withinMs, halfLifeMs } = trial
  return `${reward} within ${durationInWords(withinMs)}, half forgotten after ${durationInWords(halfLifeMs)}`
}

function countOf(count: unknown): string {
  return numberOf(count).toFixed(numberOf(count) < 100 ? 1 : 0)
}

/** Two digits that count, also of small rates. */
function percentOf(rate: unknown): string {
  const percent = 100 * numberOf(rate)
  return `${percent >= 10 ? percent.toFixed(0) : percent >= 0.1 ? percent.toFixed(1) : percent.toFixed(2)} %`
}

function timeOf(ms: unknown): string {
  return `${new Date(numberOf(ms)).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
