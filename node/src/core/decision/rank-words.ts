import type { Context } from './playbook.ts'
import type { Score } from './rank.ts'
import type { Judged } from './verdict.ts'

/** `priority 0, score 12 = value 4 × weight 3 × context 1`, or after a formula what it was given. */
export function scoreWords(judged: Judged): string {
  const { score } = judged
  const { formula } = score
  const made =
    formula === undefined
      ? factorsIn(score).join(' × ')
      : `${formula.text.trim().replaceAll(/\s+/g, ' ')} (${factorsIn(score).join(', ')})`
  return `${rankWords(judged)} = ${made}`
}

/** `priority 0, score 12` */
export function rankWords({ candidate: { offer }, score }: Judged): string {
  return `priority ${offer.priority}, score ${numberWords(score.score)}`
}

/** A propensity of 1 is left out: where there is no model of it, it says nothing. */
function factorsIn({ value, weight, context, contexts, propensity }: Score): string[] {
  return [
    `value ${numberWords(value)}`,
    `weight ${numberWords(weight)}`,
    `context ${numberWords(context)}${contextWords(contexts)}`,
    ...(propensity === 1 ? [] : [`propensity ${numberWords(propensity)}`]),
  ]
}

function contextWords(contexts: readonly Context[]): string {
  const texts = contexts.map(({ condition }) => condition.text.trim())
  return texts.length === 0 ? '' : ` as ${texts.join(', ')}`
}

/** Without the noise of binary fractions. */
function numberWords(number: number): string {
  return String(Number(number.toPrecision(6)))
}
