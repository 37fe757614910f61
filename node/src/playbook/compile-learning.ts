import type { ASTNode } from '@marcbachmann/cel-js'
import { compileValue } from '../core/condition/compile.ts'
import type { Expression } from '../core/condition/expression.ts'
import type { Learning } from '../core/decision/playbook.ts'
import { parseDuration } from '../core/duration.ts'
import { bucketBy } from '../core/learning/bucket.ts'
import { halfLifeMaxMs, halfLifeMinMs, lessonText, withinMaxMs } from '../core/learning/trial.ts'
import { parseCel } from './cel.ts'
import type { Compilation } from './compilation.ts'
import { fail } from './condition-error.ts'
import type { Path } from './document.ts'
import { shareOf } from './share.ts'
import type { LearnSource, PlacementSource } from './source.ts'
import { typeWords } from './typed-expression.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

const defaultWithinMs = { click: hourMs / 2, accept: 7 * dayMs } as const

/**
 * What is displayed later is taken later. Most of it within a week: nothing is learnt from a decision
 * before its time is over, so longer would make what is learnt old.
 */
const laterWithinMaxMs = 7 * dayMs

const defaultHalfLifeMs = 7 * dayMs

const defaultExplore = 0.02
/** Whoever tries more than half by chance has an experiment in mind. */
const exploreMax = 0.5

/** How a placement learns; faults go to the document. */
export function compileLearning(
  name: string,
  source: PlacementSource,
  compilation: Compilation,
): Learning | undefined {
  const { learn } = source
  if (learn === undefined) return undefined
  const path = ['placements', name, 'learn']
  const how: LearnSource = typeof learn === 'string' ? { on: learn } : learn
  const { on: reward, by = [], trainer = 'bandit' } = how
  const duration = (key: 'within' | 'halfLife', from: number, to: number, words: string) => {
    const ms = parseDuration(how[key] ?? '')
    if (ms !== undefined && (ms < from || ms > to))
      compilation.document.add([...path, key], `must be ${words}`)
    return ms
  }
  const withinMs =
    duration('within', 1, withinMaxMs, 'at most 30d') ?? withinOf(reward, source.token)
  const halfLifeMs =
    duration('halfLife', halfLifeMinMs, halfLifeMaxMs, 'from 1h to 90d') ?? defaultHalfLifeMs
  const explore = how.explore === undefined ? defaultExplore : shareOf(how.explore)
  if (explore > exploreMax) compilation.document.add([...path, 'explore'], 'must be at most 50%')
  const lesson = { reward, withinMs, halfLifeMs, isLater: source.token !== undefined }
  return {
    ...lesson,
    lesson: lessonText(lesson),
    trainer,
    explore,
    by,
    bucketOf: bucketBy(by.map((text, at) => partOf([...path, 'by', at], text, compilation))),
  }
}

function withinOf(reward: Learning['reward'], token: string | undefined): number {
  if (token === undefined) return defaultWithinMs[reward]
  return Math.min(parseDuration(token) ?? laterWithinMaxMs, laterWithinMaxMs)
}

/** One thing that tells buckets apart; what cannot be compiled is unknown of everybody. */
function partOf(path: Path, text: string, compilation: Compilation) {
  const expression = compilation.inText(path, text, () => {
    const node = parseCel(text)
    const { type, expression } = compilation.checker.typed(node)
    if (type === 'strings' || type === 'numbers')
      fail(node, `this is ${typeWords[type]}; buckets are told by text, a bool or a whole number`)
    if (type === 'number') checkWhole(node, expression, compilation)
    return expression
  })
  return expression === undefined ? () => undefined : compileValue(expression)
}

function checkWhole(node: ASTNode, expression: Expression, { source }: Compilation): void {
  const isWhole = (one: Expression): boolean => {
    switch (one.kind) {
      case 'literal':
        return Number.isInteger(one.value)
      case 'trait':
        return source.traits?.[one.name]?.type === 'int'
      case 'count':
      case 'distinct':
      case 'session-events':
      case 'size':
      case 'clock':
        return true
      case 'negate':
        return isWhole(one.of)
      case 'arithmetic':
        return one.operator !== '/' && isWhole(one.left) && isWhole(one.right)
      case 'if':
        return isWhole(one.whenTrue) && isWhole(one.whenFalse)
      default:
        return false
    }
  }
  if (!isWhole(expression))
    fail(node, 'this may be a fraction, and each would be a bucket: compare it, like … > 10')
}
