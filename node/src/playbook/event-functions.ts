import type { ASTNode } from '@marcbachmann/cel-js'
import { hash64Hex } from '../core/digest.ts'
import { capacityMax, type SketchFeature } from '../core/features/feature-set.ts'
import type { Needed } from './comparison.ts'
import { fail } from './condition-error.ts'
import {
  type CheckPredicate,
  EventSelection,
  type Events,
  isOne,
  type Property,
  readProperty,
  type Selected,
  windowOf,
} from './event-selection.ts'
import type { FeatureRegistry } from './feature-registry.ts'
import { type Measured, unitsOf } from './measured.ts'
import { sequenceOf } from './sequence-function.ts'
import { typeWords } from './typed-expression.ts'

/** Newest events whose numbers are kept to be summed: 4 KB of a profile. */
const valuesMax = 256

/** Different values that are told apart. */
const differentMax = 256

/** Newest events whose texts are kept to find the favourite: 6 KB of a profile. */
const textsMax = 128

/** Longer text belongs behind a link: the newest event does not count as saying it. */
const latestMax = 256

/** Longer text is told apart by its hash. */
const textMax = 64

/** What is known of the moment, by the words that stand for it before a dot. */
export const momentFields: ReadonlyMap<string, readonly string[]> = new Map([
  ['event', ['name']],
  ['session', ['events', 'minutes']],
  ['now', ['hour', 'weekday']],
])

export const eventFunctions: readonly string[] = [
  'count',
  'sum',
  'min',
  'max',
  'distinct',
  'affinity',
  'favourite',
  'sequence',
  'current',
  'latest',
  'stage',
]

/**
 * The functions of conditions that read a visitor's events. Each takes `v, condition` at its end:
 * then only events count for which the condition holds.
 */
export class EventFunctions {
  private readonly selection: EventSelection
  private readonly features: FeatureRegistry

  constructor(events: Events, features: FeatureRegistry, checkPredicate: CheckPredicate) {
    this.selection = new EventSelection(events, checkPredicate)
    this.features = features
  }

  /**
   * @param needed more than so many need not be told apart, where what it is compared to says so
   * @throws ConditionError
   */
  call(
    node: ASTNode,
    name: string,
    args: readonly ASTNode[],
    needed: Needed | undefined,
  ): Measured {
    switch (name) {
      case 'count':
        return this.count(node, args, needed)
      case 'sum':
      case 'min':
      case 'max':
        return this.ofValues(node, name, args)
      case 'distinct':
        return this.distinct(node, args, needed)
      case 'affinity':
        return this.affinity(node, args)
      case 'favourite':
        return this.favourite(node, args)
      case 'sequence':
        return sequenceOf(node, args, this.selection, this.features)
      case 'latest':
        return this.latest(node, args)
      case 'current':
        return this.current(node, args)
      default:
        return this.stage(node, args)
    }
  }

  /** `recent(event, window).exists(v, condition)`. */
  recent(node: ASTNode, args: readonly ASTNode[], variable: ASTNode, body: ASTNode): Measured {
    const [event, window, ...more] = args
    if (more.length > 0) fail(node, 'an event and a window are all that can be given here')
    const { event: name, predicate } = this.selection.selected(node, event, [variable, body])
    const windowMs = windowOf(node, window, 'second')
    const feature = this.features.event(name, 1, predicate)
    return { type: 'bool', expression: { kind: 'recent', feature, windowMs }, units: 1 }
  }

  /** `session.events` and the like; undefined where there is no such field. */
  field(of: string, name: string, needed: Needed | undefined): Measured | undefined {
    switch (`${of}.${name}`) {
      case 'event.name': {
        const feature = this.newest('name', ({ name }) => name)
        return { type: 'string', expression: { kind: 'event-name', feature }, units: 1 }
      }
      case 'session.events': {
        const capacity = this.capacityOf(needed, capacityMax)
        const feature = this.features.event(undefined, capacity)
        const expression = { kind: 'session-events', feature, upTo: needed?.count } as const
        return { type: 'number', expression, units: unitsOf(capacity, 8) }
      }
      case 'session.minutes':
        return { type: 'number', expression: { kind: 'session-minutes' }, units: 1 }
      case 'now.hour':
      case 'now.weekday': {
        const field = name === 'hour' ? 'hour' : 'weekday'
        return { type: 'number', expression: { kind: 'clock', field }, units: 1 }
      }
      default:
        return undefined
    }
  }

  private count(node: ASTNode, args: readonly ASTNode[], needed: Needed | undefined): Measured {
    const [event, window, ...condition] = args
    const { event: name, predicate } = this.selection.selected(node, event, condition)
    const windowMs = windowOf(node, window, 'second')
    const capacity = this.capacityOf(needed, capacityMax)
    const feature = this.features.event(name, capacity, predicate)
    const expression = { kind: 'count', feature, windowMs, upTo: needed?.count } as const
    return { type: 'number', expression, units: unitsOf(capacity, 8) }
  }

  private ofValues(node: ASTNode, kind: 'sum' | 'min' | 'max', args: readonly ASTNode[]): Measured {
    const [event, field, window, ...condition] = args
    const selected = this.selection.selected(node, event, condition)
    const property = this.selection.property(
      node,
      selected,
      field,
      ['number'],
      `${kind} is of numbers`,
    )
    const windowMs = windowOf(node, window, 'third')
    const feature = this.sketch(
      'recent-values',
      selected,
      ` value ${nameOf(property)}`,
      valuesMax,
      (record) => readProperty(record, property),
    )
    const expression = { kind, feature, windowMs } as const
    return { type: 'number', expression, units: unitsOf(valuesMax, 4) }
  }

  private distinct(node: ASTNode, args: readonly ASTNode[], needed: Needed | undefined): Measured {
    const [event, field, window, ...condition] = args
    const selected = this.selection.selected(node, event, condition)
    const property = this.selection.property(
      node,
      selected,
      field,
      ['string', 'number'],
      'distinct is of text or numbers',
    )
    const windowMs = windowOf(node, window, 'third')
    const capacity = this.capacityOf(needed, differentMax)
    const feature = this.sketch(
      'different-values',
      selected,
      ` values ${nameOf(property)}`,
      capacity,
      (record) => {
        const value = readProperty(record, property)
        return typeof value === 'string' ? shortened(value) : value
      },
    )
    const expression = { kind: 'distinct', feature, windowMs, upTo: needed?.count } as const
    return { type: 'number', expression, units: unitsOf(capacity, 4) }
  }

  private affinity(node: ASTNode, args: readonly ASTNode[]): Measured {
    const [event, field, value, halfLife, ...condition] = args
    const selected = this.selection.selected(node, event, condition)
    const property = this.selection.property(
      node,
      selected,
      field,
      ['string', 'number'],
      'an affinity is to text or a number',
    )
    const { type } = property
    const liked = value?.op === 'value' ? constantOf(value.args) : undefined
    if (value === undefined || liked === undefined || typeof liked !== type)
      return fail(
        value ?? node,
        `the third argument is ${typeWords[type]} as a constant: what is liked`,
      )
    const halfLifeMs = windowOf(node, halfLife, 'fourth', 'half-life')
    const what = ` with ${nameOf(property)} ${JSON.stringify(liked)} half-life ${halfLifeMs}`
    const feature = this.sketch(
      'decayed-sum',
      selected,
      what,
      1,
      (record) => (readProperty(record, property) === liked ? 1 : undefined),
      halfLifeMs,
    )
    return { type: 'number', expression: { kind: 'affinity', feature }, units: 2 }
  }

  private favourite(node: ASTNode, args: readonly ASTNode[]): Measured {
    const [event, field, halfLife, ...condition] = args
    const selected = this.selection.selected(node, event, condition)
    const rule = 'a favourite is a text'
    const property = this.selection.property(node, selected, field, ['string'], rule)
    const halfLifeMs = windowOf(node, halfLife, 'third', 'half-life')
    const feature = this.sketch(
      'recent-texts',
      selected,
      ` values ${nameOf(property)} half-life ${halfLifeMs}`,
      textsMax,
      (record) => readProperty(record, property),
      halfLifeMs,
    )
    return { type: 'string', expression: { kind: 'favourite', feature }, units: 4 * textsMax }
  }

  private current(node: ASTNode, args: readonly ASTNode[]): Measured {
    const [event, ...condition] = args
    const { event: name, predicate, text } = this.selection.selected(node, event, condition)
    const feature = this.newest(`is ${text}`, (record) => (isOne(record, name, predicate) ? 1 : 0))
    return { type: 'bool', expression: { kind: 'current', feature }, units: 1 }
  }

  private latest(node: ASTNode, args: readonly ASTNode[]): Measured {
    const [event, field, ...condition] = args
    const selected = this.selection.selected(node, event, condition)
    const rule = 'latest is of text or numbers'
    const property = this.selection.property(node, selected, field, ['string', 'number'], rule)
    const { type } = property
    const feature = this.sketch(
      'newest-event',
      selected,
      ` says ${nameOf(property)}`,
      1,
      (record) => {
        const value = readProperty(record, property)
        return typeof value === 'string' && value.length > latestMax ? undefined : value
      },
    )
    return { type, expression: { kind: 'latest', feature }, units: 1 }
  }

  private stage(node: ASTNode, args: readonly ASTNode[]): Measured {
    const [recent, lapsed, ...more] = args
    if (more.length > 0)
      fail(node, 'stage takes how long somebody is new, and after how long lapsed')
    const newMs = windowOf(node, recent, 'first')
    const lapsedMs = windowOf(node, lapsed, 'second')
    const feature = this.features.sketch({
      form: 'time-span',
      events: undefined,
      take: () => 1,
      capacity: 1,
      halfLifeMs: 0,
      text: 'time span',
    })
    return { type: 'string', expression: { kind: 'stage', feature, newMs, lapsedMs }, units: 1 }
  }

  private newest(what: string, take: SketchFeature['take']): number {
    const text = `newest-event ${what}`
    return this.features.sketch({
      form: 'newest-event',
      events: undefined,
      take,
      capacity: 1,
      halfLifeMs: 0,
      text,
    })
  }

  private sketch(
    form: SketchFeature['form'],
    { event, predicate, text }: Selected,
    what: string,
    capacity: number,
    take: SketchFeature['take'],
    halfLifeMs = 0,
  ): number {
    return this.features.sketch({
      form,
      events: [event],
      take: (record) => (isOne(record, event, predicate) ? take(record) : undefined),
      capacity,
      halfLifeMs,
      text: `${form} ${text}${what}`,
    })
  }

  private capacityOf(needed: Needed | undefined, max: number): number {
    if (needed === undefined) return max
    if (needed.count > max) fail(needed.constant, `counts are exact up to ${max}`)
    return needed.count
  }
}

function shortened(text: string): string {
  return text.length <= textMax ? text : `#${hash64Hex(new TextEncoder().encode(text))}`
}

function constantOf(value: unknown): string | number | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined
}

/** For the text that names a feature: of another type it is another feature. */
function nameOf({ name, type }: Property): string {
  return JSON.stringify([name, type])
}
