import { isFields, printable } from '@halfsecond/protocol'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml'
import { didYouMean, type Fault } from './faults.ts'

/** Deeper than the schema and the deepest content together. */
const depthMax = 16

/** A text with more faults than this is read again after the first of them are mended. */
const faultsMax = 100

export type Path = readonly (string | number)[]

/** What a text must look like to be of a kind. */
export interface Form<Source> {
  /** What the kind is called in faults: `playbooks`. */
  readonly plural: string
  readonly validate: ValidateFunction<Source>
}

export function formOf<Source>(schema: object, plural: string): Form<Source> {
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, verbose: true })
  return { plural, validate: ajv.compile<Source>(schema) }
}

/** A parsed text, YAML or JSON: its values, and where in the text each of them stands. */
export class SourceDocument<Source> {
  readonly faults: Fault[] = []
  /** What is no fault, but hardly what its author wants. */
  readonly warnings: Fault[] = []
  /** Undefined where the text is not YAML or does not fit the schema. */
  readonly source: Source | undefined
  private readonly text: string
  private readonly plural: string
  private readonly lines = new LineCounter()
  private parsed: Document | undefined

  /** @param known the values of the text, where it was read without a fault before: then it is read for places only */
  constructor(text: string, form: Form<Source>, known?: unknown) {
    const { validate } = form
    this.text = text
    this.plural = form.plural
    if (known !== undefined && validate(known)) {
      this.source = known
      return
    }
    for (const error of this.document.errors) this.addAt(error.pos[0], '', parserMessage(error))
    if (this.faults.length === 0) this.inspect(this.document.contents, [])
    if (this.faults.length > 0) return
    const value: unknown = this.document.toJS()
    if (validate(value)) this.source = value
    else this.addSchemaFaults(validate.errors ?? [])
  }

  private get document(): Document {
    this.parsed ??= parseDocument(this.text, {
      lineCounter: this.lines,
      prettyErrors: false,
      stringKeys: true,
      // The library compares every key to every other; `inspect` does it in one pass.
      uniqueKeys: false,
    })
    return this.parsed
  }

  /** A fault about the value at a path. */
  add(path: Path, message: string): void {
    this.addAt(this.nodeAt(path)?.range?.[0] ?? 0, pathText(path), message)
  }

  /** A fault about the key that a path ends with. */
  addAtKey(path: Path, message: string): void {
    this.addAt(this.keyAt(path)?.range?.[0] ?? 0, pathText(path), message)
  }

  /** A warning about the value at a path. */
  warn(path: Path, message: string): void {
    this.warnAt(this.nodeAt(path)?.range?.[0] ?? 0, path, message)
  }

  /** A warning about the key that a path ends with. */
  warnAtKey(path: Path, message: string): void {
    this.warnAt(this.keyAt(path)?.range?.[0] ?? 0, path, message)
  }

  /** A fault about part of the text at a path. */
  addInText(path: Path, text: string, start: number, end: number, message: string): void {
    const node = this.nodeAt(path)
    const offset = node?.range?.[0] ?? 0
    // Where the value is written as it reads, the place inside it is a place in the file.
    const written = this.text.startsWith(text, offset) ? offset : offset + 1
    const isPlain = isScalar(node) && this.text.startsWith(text, written)
    const { line, col } = this.lines.linePos(isPlain ? written + start : offset)
    const lineStart = text.lastIndexOf('\n', start - 1) + 1
    const lineEnd = text.indexOf('\n', start)
    const shown = text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd)
    const excerpt = {
      text: shown,
      start: start - lineStart,
      end: Math.min(
        Math.max(end, start + 1) - lineStart,
        Math.max(shown.length, start - lineStart + 1),
      ),
    }
    this.push({ line, column: col, path: pathText(path), message, excerpt })
  }

  /** Refuses what YAML allows but nobody here has a use for: it costs time, or hides a mistake. */
  private inspect(node: unknown, path: Path): void {
    if (isAlias(node))
      this.addAt(node.range?.[0] ?? 0, pathText(path), `aliases are not part of ${this.plural}`)
    if (isNode(node) && node.tag !== undefined && !isPlainTag(node))
      this.addAt(node.range?.[0] ?? 0, pathText(path), 'text that begins with ! is put in quotes')
    if (!isCollection(node)) return
    if (path.length === depthMax) {
      this.addAt(node.range?.[0] ?? 0, pathText(path), 'nested too deeply')
      return
    }
    const keys = new Set<string>()
    node.items.forEach((item, index) => {
      if (!isPair(item)) this.inspect(item, [...path, index])
      else {
        const key = isScalar(item.key) ? String(item.key.value) : ''
        if (keys.has(key)) this.addAtNode(item.key, [...path, key], 'this key is here twice')
        keys.add(key)
        this.inspect(item.value, [...path, key])
      }
    })
  }

  private warnAt(offset: number, path: Path, message: string): void {
    if (this.warnings.length === faultsMax) return
    const { line, col } = this.lines.linePos(offset)
    this.warnings.push({ line, column: col, path: pathText(path), message })
  }

  private addAtNode(node: unknown, path: Path, message: string): void {
    this.addAt(isNode(node) ? (node.range?.[0] ?? 0) : 0, pathText(path), message)
  }

  private addAt(offset: number, path: string, message: string): void {
    const { line, col } = this.lines.linePos(offset)
    this.push({ line, column: col, path, message })
  }

  /** One mistake is told once, however often the text refers to it. */
  private push(fault: Fault): void {
    if (this.faults.length === faultsMax) return
    const isTold = this.faults.some(
      (one) => one.path === fault.path && one.message === fault.message,
    )
    if (!isTold) this.faults.push(fault)
  }

  private nodeAt(path: Path): Node | undefined {
    for (let length = path.length; length >= 0; length--) {
      const node: unknown = this.document.getIn(path.slice(0, length), true)
      if (isNode(node)) return node
    }
    return undefined
  }

  private keyAt(path: Path): Node | undefined {
    const map = this.nodeAt(path.slice(0, -1))
    const key = path.at(-1)
    const pair = isMap(map)
      ? map.items.find((item) => isScalar(item.key) && item.key.value === key)
      : undefined
    return isNode(pair?.key) ? pair.key : map
  }

  private addSchemaFaults(errors: readonly ErrorObject[]): void {
    const choices = errors.filter(({ keyword }) => keyword === 'oneOf' || keyword === 'anyOf')
    for (const error of errors) {
      if (this.faults.length === faultsMax) return
      const path = error.instancePath
        .split('/')
        .slice(1)
        .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
      const choice = choices.find(({ instancePath }) => error.instancePath.startsWith(instancePath))
      // Why each of the possible forms does not fit is noise beside the list of them.
      if (choice !== undefined && choice !== error) continue
      if (choice === error) this.add(path, `must be ${String(error.parentSchema?.description)}`)
      else if (error.keyword === 'additionalProperties') this.addUnknownKey(path, error)
      else if (error.keyword === 'propertyNames')
        this.addAtKey([...path, String(error.params.propertyName)], nameMessage(error))
      else if (error.propertyName !== undefined) continue
      else this.add(path, messageOf(error))
    }
  }

  private addUnknownKey(path: Path, error: ErrorObject): void {
    const key = String(error.params.additionalProperty)
    const known = Object.keys(error.parentSchema?.properties ?? {})
    this.addAtKey(
      [...path, key],
      `no such key here${didYouMean(key, known) || `; possible are ${known.join(', ')}`}`,
    )
  }
}

function pathText(path: Path): string {
  return path.map((part) => printable(String(part))).join('.')
}

function parserMessage({ message }: Error): string {
  if (/call stack|stack overflow/i.test(message)) return 'nested too deeply'
  return /Nested mappings|at node end/.test(message)
    ? `${message}; text with ": " or quotes in it is put in quotes as a whole`
    : message
}

/** Quoted and plain values have one too, where the parser notes it. */
function isPlainTag(node: Node): boolean {
  return /^(tag:yaml\.org,2002:(str|int|float|bool|null|map|seq))$/.test(node.tag ?? '')
}

const typeWords: { readonly [type: string]: string } = {
  string: 'text',
  object: 'a map',
  array: 'a list',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
}

function nameMessage({ schema }: ErrorObject): string {
  const description = isFields(schema) ? schema.description : undefined
  return typeof description === 'string'
    ? `must be ${description}`
    : 'a name has 1 to 64 characters'
}

function messageOf({ keyword, params, schemaPath, message, parentSchema }: ErrorObject): string {
  if (schemaPath.includes('duration')) return 'must be a duration like 30m, 12h, 7d or 4w'
  switch (keyword) {
    case 'enum':
      return `must be one of ${params.allowedValues.join(', ')}`
    case 'const':
      return `must be ${String(params.allowedValue)}`
    case 'required':
    case 'dependentRequired':
      return `"${params.missingProperty}" is missing`
    case 'type':
      return `must be ${[params.type].flat().map(typeName).join(' or ')}`
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      return params.limit > 1 ? `needs at least ${params.limit} of them` : 'must not be empty'
    case 'maxItems':
    case 'maxProperties':
      return `has at most ${params.limit} of them`
    case 'minimum':
      return `must be at least ${params.limit}`
    case 'maximum':
      return `must be at most ${params.limit}`
    case 'pattern':
      return `must be ${String(parentSchema?.description)}`
    default:
      return message ?? 'is not valid'
  }
}

function typeName(type: unknown): string {
  return typeWords[String(type)] ?? String(type)
}
