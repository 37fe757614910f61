import { isDeepStrictEqual } from 'node:util'
import type { Expression } from '../../core/condition/expression.ts'
import type { Placement, Playbook } from '../../core/decision/playbook.ts'
import { parseCel } from '../cel.ts'
import { Compilation } from '../compilation.ts'
import type { PlaybookDocument } from '../document.ts'
import type { PlaybookSource } from '../source.ts'
import { textsIn } from './texts.ts'

/** Warns of placements that can learn little, and of what makes learning useless. */
export function warnOfLearning(
  playbook: Playbook,
  source: PlaybookSource,
  document: PlaybookDocument,
): void {
  let compilation: Compilation | undefined
  for (const placement of playbook.placements.values()) {
    const { name, learning } = placement
    if (learning === undefined) continue
    const path = ['placements', name, 'learn']
    const warn = (message: string) => document.warnAtKey(path, message)
    if (placement.candidates.length + placement.templates.length < 2)
      warn('there is nothing to choose from: fewer than 2 offers are shown here')
    if (!readsPropensity(placement))
      warn('what is learnt changes nothing: the rank here does not read propensity')
    if (learning.explore === 0)
      warn(
        'nothing is tried by chance: what was hardly shown is hardly learnt, and a backtest cannot tell what it would bring',
      )
    if (learning.withinMs > learning.halfLifeMs)
      warn(
        'what is learnt is more than half forgotten before it counts: within is longer than halfLife',
      )
    compilation ??= new Compilation(document, source, new Map())
    for (const [at, text] of learning.by.entries())
      if (hasManyValues(text, compilation, source))
        document.warn(
          [...path, 'by', at],
          'each value is a bucket that learns for itself, and nothing says that they are few: compare it, like traits.age >= 18, or name those that matter, like traits.city in ["Bath", "York"] ? traits.city : "other"',
        )
  }
}

function readsPropensity({ rank }: Placement): boolean {
  return rank === undefined || /\bpropensity\b/.test(rank.text)
}

/** Whether an expression may have more values than a person would list. Errs on the side of no. */
function hasManyValues(text: string, { checker }: Compilation, source: PlaybookSource): boolean {
  const isWide = (one: Expression): boolean => {
    switch (one.kind) {
      case 'trait':
        return one.type === 'number' || (one.type === 'string' && !isCompared(one.name, source))
      case 'count':
      case 'distinct':
      case 'session-events':
      case 'size':
      case 'latest':
      case 'favourite':
        return true
      case 'arithmetic':
        return one.operator === '%' ? false : isWide(one.left) || isWide(one.right)
      case 'negate':
        return isWide(one.of)
      case 'if':
        return [one.whenTrue, one.whenFalse].some(
          (then) => isWide(then) && !isListed(then, one.condition),
        )
      default:
        return false
    }
  }
  const { type, expression } = checker.typed(parseCel(text))
  return type !== 'bool' && isWide(expression)
}

/** Whether a condition holds for a few values of it only. */
function isListed(value: Expression, condition: Expression): boolean {
  if (condition.kind === 'in')
    return condition.right.kind === 'list' && isDeepStrictEqual(condition.left, value)
  return (
    condition.kind === 'compare' &&
    condition.operator === '==' &&
    (isDeepStrictEqual(condition.left, value) || isDeepStrictEqual(condition.right, value))
  )
}

/** What is compared to constants somewhere is no free text. */
function isCompared(trait: string, source: PlaybookSource): boolean {
  const name = `\\btraits\\s*\\.\\s*${trait}\\b`
  const comparison = new RegExp(`${name}\\s*(==|!=|in\\b)|(==|!=)\\s*${name}`)
  return textsIn(source).some((text) => comparison.test(text))
}
