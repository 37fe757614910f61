import type { ASTNode } from '@marcbachmann/cel-js'
import { compilePredicate } from '../core/condition/compile.ts'
import type { Comparison, ConditionType, Expression } from '../core/condition/expression.ts'
import { factorNames } from '../core/condition/expression.ts'
import { type ReadExpression, readOf } from '../core/condition/read.ts'
import { ArmFunction } from './arm-function.ts'
import { checkComparison, mirrored, type Needed, neededFor } from './comparison.ts'
import { ConditionCost } from './condition-cost.ts'
import { fail } from './condition-error.ts'
import type { Checked, Schema } from './condition-schema.ts'
import { EventFunctions, eventFunctions, momentFields } from './event-functions.ts'
import { didYouMean } from './faults.ts'
import type { FeatureRegistry, Predicate } from './feature-registry.ts'
import { ItemFields } from './item-fields.ts'
import { type Local, localProperty, localValue } from './local-variable.ts'
import type { Measured } from './measured.ts'
import { literal, type Typed, typeWords } from './typed-expression.ts'

const functions = [...eventFunctions, 'recent', 'arm', 'has', 'size']
const nested = 'one exists or all inside another is not supported: declare a fact'
const methods = ['startsWith', 'endsWith', 'contains', 'exists', 'all', 'size']

/**
 * Turns a parsed CEL expression into one that the core evaluates. Checks names and types against
 * the playbook's own schema: which event `recent("page", …)` yields depends on a literal, which
 * general CEL checkers cannot express. Numbers are doubles; there are no regular expressions and no
 * nested macros, so what a condition costs at most can be told from its text.
 */
export class ConditionChecker {
  readonly item = new ItemFields()
  readonly arms: ArmFunction
  private readonly reads = new Map<string, ReadExpression>()
  private readonly schema: Schema
  private readonly events: EventFunctions
  private readonly cost = new ConditionCost()
  private local: Local | undefined
  private isRank = false

  constructor(schema: Schema, features: FeatureRegistry) {
    this.schema = schema
    this.arms = new ArmFunction(schema.experiments)
    this.events = new EventFunctions(schema.events, features, (event, variable, body) =>
      this.predicate(event, variable, body),
    )
  }

  /** @throws ConditionError unless the expression is well typed and of type bool */
  condition(node: ASTNode): Checked {
    this.start()
    return this.checked(this.expect(node, 'bool'))
  }

  /** An expression inside content: text, a number or a bool. @throws ConditionError */
  value(node: ASTNode): Checked {
    const checked = this.typed(node)
    if (checked.type === 'strings' || checked.type === 'numbers')
      fail(node, 'content takes text, a number or a bool, not a list')
    return checked
  }

  /** An expression of any type. @throws ConditionError */
  typed(node: ASTNode): Checked & { readonly type: ConditionType } {
    this.start()
    const { type, expression } = this.check(node)
    return { ...this.checked(expression), type }
  }

  /** A number. @param isRank whether it may read what ranks are made of @throws ConditionError */
  number(node: ASTNode, isRank: boolean): Checked {
    this.start()
    this.isRank = isRank
    try {
      return this.checked(this.expect(node, 'number'))
    } finally {
      this.isRank = false
    }
  }

  private start(): void {
    this.reads.clear()
    this.cost.reset()
  }

  private checked(expression: Expression): Checked {
    this.cost.check()
    const facts = new Set<number>()
    for (const read of this.reads.values()) if (read.kind === 'fact') facts.add(read.index)
    return { expression, facts, reads: [...this.reads].map(([text, read]) => readOf(text, read)) }
  }

  /** Notes that the condition looks at this, in its author's words. */
  private read(node: ASTNode, type: ConditionType, expression: ReadExpression): Typed {
    this.reads.set(node.input.slice(node.start, node.end), expression)
    return { type, expression }
  }

  private expect(node: ASTNode, type: ConditionType): Expression {
    const checked = this.check(node)
    if (checked.type !== type)
      fail(node, `this is ${typeWords[checked.type]}; ${typeWords[type]} is needed here`)
    return checked.expression
  }

  private check(node: ASTNode): Typed {
    this.cost.node()
    switch (node.op) {
      case 'value':
        return literal(node, node.args)
      case 'id':
        return this.name(node, node.args)
      case '.':
        return this.field(node, node.args[0], node.args[1])
      case 'list':
        return this.list(node, node.args)
      case '&&':
      case '||': {
        const kind = node.op === '&&' ? 'and' : 'or'
        const left = this.expect(node.args[0], 'bool')
        return {
          type: 'bool',
          expression: { kind, left, right: this.expect(node.args[1], 'bool') },
        }
      }
      case '!_':
        return { type: 'bool', expression: { kind: 'not', of: this.expect(node.args, 'bool') } }
      case '-_':
        return {
          type: 'number',
          expression: { kind: 'negate', of: this.expect(node.args, 'number') },
        }
      case '?:': {
        const condition = this.expect(node.args[0], 'bool')
        const then = this.check(node.args[1])
        const whenFalse = this.expect(node.args[2], then.type)
        return {
          type: then.type,
          expression: { kind: 'if', condition, whenTrue: then.expression, whenFalse },
        }
      }
      case '==':
      case '!=':
      case '<':
      case '<=':
      case '>':
      case '>=':
        return this.comparison(node.op, node.args[0], node.args[1])
      case '+':
      case '-':
      case '*':
      case '/':
      case '%': {
        const left = this.check(node.args[0])
        const type = node.op === '+' && left.type === 'string' ? 'string' : 'number'
        if (left.type !== type)
          fail(node.args[0], `this is ${typeWords[left.type]}; ${typeWords[type]} is needed here`)
        const right = this.expect(node.args[1], type)
        return {
          type,
          expression: { kind: 'arithmetic', operator: node.op, left: left.expression, right },
        }
      }
      case 'in': {
        const left = this.check(node.args[0])
        const right = this.expect(node.args[1], left.type === 'number' ? 'numbers' : 'strings')
        return { type: 'bool', expression: { kind: 'in', left: left.expression, right } }
      }
      case 'call':
        return this.call(node, node.args[0], node.args[1])
      case 'rcall':
        return this.method(node, node.args[0], node.args[1], node.args[2])
      default:
        return fail(node, `"${node.op}" is not part of conditions`)
    }
  }

  private name(node: ASTNode, name: string): Typed {
    if (this.local?.name === name) return localValue(node, this.local)
    if (name === 'channel' || name === 'placement') {
      this.refuseInPredicate(node)
      return this.read(node, 'string', { kind: 'request', field: name })
    }
    const factor = this.isRank ? factorNames.find((one) => one === name) : undefined
    if (factor !== undefined) {
      this.refuseInPredicate(node)
      return { type: 'number', expression: { kind: 'factor', name: factor } }
    }
    const fact = this.schema.facts.get(name)
    if (fact === undefined) {
      const words = ['traits', 'channel', 'placement', ...(this.isRank ? factorNames : [])]
      const known = [...this.schema.facts.keys(), ...words]
      const hint = this.schema.traits.has(name)
        ? `; did you mean "traits.${name}"?`
        : didYouMean(name, known)
      return fail(node, `no fact "${name}"${hint}`)
    }
    this.refuseInPredicate(node)
    return this.read(node, 'bool', { kind: 'fact', index: fact })
  }

  /** What a condition on an event looks at must be as true later as when the event happened. */
  private refuseInPredicate(node: ASTNode): void {
    if (this.local?.event)
      fail(node, 'a condition on an event reads that event only, so that its counts stay exact')
  }

  private field(node: ASTNode, of: ASTNode, name: string, needed?: Needed): Typed {
    if (of.op !== 'id') return fail(node, 'fields are read from traits or from an event')
    if (of.args === this.local?.name && this.local.properties)
      return localProperty(node, this.local.event, this.local.properties, name)
    if (of.args === 'item') {
      this.refuseInPredicate(node)
      const type = this.item.typeOf(node, name)
      return this.read(node, type, { kind: 'item', name, type })
    }
    const fields = momentFields.get(of.args)
    if (fields !== undefined) {
      this.refuseInPredicate(node)
      const measured = this.events.field(of.args, name, needed)
      if (measured !== undefined) return this.measured(node, measured)
      return fail(node, `${of.args} has ${fields.join(' and ')}, no "${name}"`)
    }
    if (of.args !== 'traits')
      return fail(
        of,
        `"${of.args}" has no fields${didYouMean(of.args, ['traits', 'item', ...momentFields.keys()])}`,
      )
    this.refuseInPredicate(node)
    const trait = this.schema.traits.get(name)
    if (trait === undefined)
      return fail(node, `no trait "${name}"${didYouMean(name, this.schema.traits.keys())}`)
    const { type, fallback } = trait
    return this.read(node, type, {
      kind: 'trait',
      name,
      type,
      ...(fallback !== undefined && { fallback }),
    })
  }

  private list(node: ASTNode, nodes: readonly ASTNode[]): Typed {
    const [first] = nodes
    if (first === undefined) return fail(node, 'an empty list contains nothing')
    if (nodes.length > 100) fail(node, 'at most 100 elements in a list')
    const { type } = this.check(first)
    if (type !== 'string' && type !== 'number')
      return fail(first, `lists hold strings or numbers, this is ${typeWords[type]}`)
    const items = nodes.map((item) => this.expect(item, type))
    return { type: type === 'string' ? 'strings' : 'numbers', expression: { kind: 'list', items } }
  }

  private comparison(operator: Comparison, leftNode: ASTNode, rightNode: ASTNode): Typed {
    const left = this.compared(leftNode, operator, rightNode)
    const right = this.compared(rightNode, mirrored[operator], leftNode)
    checkComparison(operator, [left, leftNode], [right, rightNode], this.schema)
    return {
      type: 'bool',
      expression: { kind: 'compare', operator, left: left.expression, right: right.expression },
    }
  }

  /** What is compared to a constant needs to tell apart only as many as the constant says. */
  private compared(node: ASTNode, operator: Comparison, other: ASTNode): Typed {
    const needed = neededFor(operator, other)
    if (needed === undefined) return this.check(node)
    if (node.op === 'call') return this.call(node, node.args[0], node.args[1], needed)
    return node.op === '.' ? this.field(node, node.args[0], node.args[1], needed) : this.check(node)
  }

  private call(node: ASTNode, name: string, args: readonly ASTNode[], needed?: Needed): Typed {
    if (eventFunctions.includes(name)) {
      this.refuseInPredicate(node)
      return this.measured(node, this.events.call(node, name, args, needed))
    }
    switch (name) {
      case 'recent':
        return fail(node, 'recent(…) is followed by .exists(v, condition)')
      case 'arm':
        this.refuseInPredicate(node)
        return this.measured(node, this.arms.call(node, args))
      case 'has': {
        const [of] = args
        if (of?.op !== '.' || args.length > 1)
          return fail(node, 'has(…) takes a trait or a property, like has(traits.tier)')
        const { expression } = this.check(of)
        const bare: Expression =
          expression.kind === 'trait'
            ? { kind: 'trait', name: expression.name, type: expression.type }
            : expression
        return { type: 'bool', expression: { kind: 'has', of: bare } }
      }
      case 'size':
        return this.size(node, args.length === 1 ? args[0] : undefined)
      default:
        return fail(node, `no function "${name}"${didYouMean(name, functions)}`)
    }
  }

  private measured(node: ASTNode, { type, expression, units }: Measured): Typed {
    this.cost.add(node, units)
    return this.read(node, type, expression)
  }

  private predicate(event: string, variable: ASTNode, body: ASTNode): Predicate {
    if (variable.op !== 'id')
      return fail(variable, 'a condition on an event names a variable first')
    if (this.local) return fail(variable, nested)
    const properties = this.schema.events.get(event) ?? new Map()
    const expression = this.within({ name: variable.args, event, properties }, () =>
      this.expect(body, 'bool'),
    )
    return { text: JSON.stringify(expression), matches: compilePredicate(expression) }
  }

  private method(node: ASTNode, name: string, of: ASTNode, args: readonly ASTNode[]): Typed {
    switch (name) {
      case 'startsWith':
      case 'endsWith':
      case 'contains': {
        const [part] = args
        if (part === undefined || args.length !== 1) return fail(node, `${name}(…) takes one text`)
        const left = this.expect(of, 'string')
        return {
          type: 'bool',
          expression: { kind: 'text', test: name, left, right: this.expect(part, 'string') },
        }
      }
      case 'exists':
      case 'all':
        return this.macro(node, name, of, args)
      case 'size':
        return this.size(node, args.length === 0 ? of : undefined)
      default:
        return fail(node, `no method "${name}"${didYouMean(name, methods)}`)
    }
  }

  private macro(
    node: ASTNode,
    name: 'exists' | 'all',
    of: ASTNode,
    args: readonly ASTNode[],
  ): Typed {
    const [variable, body] = args
    if (variable?.op !== 'id' || body === undefined || args.length > 2)
      return fail(node, `${name}(v, condition) names a variable first`)
    if (this.local) return fail(node, nested)
    if (of.op === 'call' && of.args[0] === 'recent') {
      if (name === 'all') return fail(node, 'recent(…) is followed by .exists(v, condition)')
      return this.measured(node, this.events.recent(of, of.args[1], variable, body))
    }
    const list = this.check(of)
    if (list.type !== 'strings' && list.type !== 'numbers')
      return fail(of, `${name} is for lists and recent(…), this is ${typeWords[list.type]}`)
    const element = list.type === 'strings' ? 'string' : 'number'
    const inner = this.cost.forEachElement(node, () =>
      this.within({ name: variable.args, element }, () => this.expect(body, 'bool')),
    )
    return {
      type: 'bool',
      expression: {
        kind: name === 'exists' ? 'some' : 'every',
        over: list.expression,
        body: inner,
      },
    }
  }

  private within<T>(local: Local, run: () => T): T {
    this.local = local
    try {
      return run()
    } finally {
      this.local = undefined
    }
  }

  private size(node: ASTNode, of: ASTNode | undefined): Typed {
    if (of === undefined) return fail(node, 'size(…) takes a text or a list')
    const { type, expression } = this.check(of)
    if (type === 'bool' || type === 'number')
      fail(of, `size is of a text or a list, this is ${typeWords[type]}`)
    return { type: 'number', expression: { kind: 'size', of: expression } }
  }
}
