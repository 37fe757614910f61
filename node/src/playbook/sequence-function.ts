import type { ASTNode } from '@marcbachmann/cel-js'
import type { Absence } from '../core/condition/expression.ts'
import type { Step } from '../core/features/sequence.ts'
import { fail } from './condition-error.ts'
import {
  type EventSelection,
  isNumber,
  isOne,
  isText,
  type Selected,
  windowOf,
} from './event-selection.ts'
import type { FeatureRegistry } from './feature-registry.ts'
import { type Measured, unitsOf } from './measured.ts'

/** Newest events of a sequence that are kept. */
const sequenceEventsMax = 256

/** Steps of a sequence. */
const stepsMax = 8

/** Events of one step: several such steps fit what is kept. */
const timesMax = 64

type SelectedStep = Selected & Step

/** `sequence(window, step(…), …, without(…), …)` */
export function sequenceOf(
  node: ASTNode,
  args: readonly ASTNode[],
  selection: EventSelection,
  features: FeatureRegistry,
): Measured {
  const [window, ...parts] = args
  const windowMs = windowOf(node, window, 'first')
  const steps: SelectedStep[] = []
  const without: Absence[] = []
  for (const part of parts) {
    if (part.op === 'call' && part.args[0] === 'step' && without.length === 0)
      steps.push(stepOf(part, part.args[1], selection))
    else if (part.op === 'call' && part.args[0] === 'without')
      without.push(absenceOf(part, part.args[1], selection, features))
    else fail(part, 'after the window come step("event"), step("event"), …, then without("event")')
  }
  if (steps.length === 0 || steps.length > stepsMax)
    fail(node, `a sequence has 1 to ${stepsMax} steps, like step("cart_added")`)
  const feature = features.sketch({
    form: 'recent-values',
    events: [...new Set(steps.map(({ event }) => event))],
    take: (record) => {
      let mask = 0
      steps.forEach(({ event, predicate }, i) => {
        if (isOne(record, event, predicate)) mask |= 1 << i
      })
      return mask === 0 ? undefined : mask
    },
    capacity: sequenceEventsMax,
    halfLifeMs: 0,
    text: `recent-values steps [${steps.map(({ text }) => text)}]`,
  })
  const timing = steps.map(({ times, withinMs }) => ({ times, withinMs }))
  return {
    type: 'bool',
    expression: { kind: 'sequence', feature, windowMs, steps: timing, without },
    units: steps.length * unitsOf(sequenceEventsMax, 2),
  }
}

/** `step(event[, times][, window][, v, condition])` */
function stepOf(node: ASTNode, args: readonly ASTNode[], selection: EventSelection): SelectedStep {
  const [event, ...rest] = args
  const times = isNumber(rest[0]) ? Number(rest.shift()?.args) : 1
  if (!Number.isInteger(times) || times < 1 || times > timesMax)
    fail(node, `a step is 1 to ${timesMax} events`)
  const withinMs = isText(rest[0])
    ? windowOf(node, rest.shift(), times === 1 ? 'second' : 'third')
    : Number.POSITIVE_INFINITY
  return { ...selection.selected(node, event, rest), times, withinMs }
}

/** `without(event[, window][, v, condition])` */
function absenceOf(
  node: ASTNode,
  args: readonly ASTNode[],
  selection: EventSelection,
  features: FeatureRegistry,
): Absence {
  const [event, ...rest] = args
  const windowMs = isText(rest[0]) ? windowOf(node, rest.shift(), 'second') : undefined
  const { event: name, predicate } = selection.selected(node, event, rest)
  return { feature: features.event(name, 1, predicate), windowMs }
}
