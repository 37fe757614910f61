import {
  compareIdentifiers,
  HalfsecondError,
  type Identifier,
  isChannelRecord,
  isFields,
  type Namespaces,
  parseIdentifier,
  recordFault,
} from '@halfsecond/protocol'
import type { Line } from './line-splitter.ts'
import type { PlainRow } from './row.ts'
import { parseTime } from './time.ts'

/**
 * A record as one JSON object a line: `{"key": "crm:991", "name": "page", "at": "2026-…Z",
 * "properties": {…}}`. `kind` is `event` where it is missing, or `traits` where there is `set`;
 * other members are those of the record.
 */
export function readJsonLine(line: Line, namespaces: Namespaces): PlainRow | undefined {
  const { number, text } = line
  const fault = (why: string): PlainRow => ({ line: number, text, fault: why })
  if (!line.isWhole) return fault('the line is too long')
  if (text.trim() === '') return undefined
  const value = parseJson(text)
  if (!isFields(value)) return fault('not a JSON object')
  try {
    const record = completed(value, namespaces)
    // The import adds the id of a record that has none; the placeholder only passes the check.
    const { id, n: _, ...rest } = record
    const whole: unknown = { ...rest, id: id ?? 'none' }
    if (!isChannelRecord(whole, namespaces)) return fault(recordFault(whole, namespaces) ?? '')
    const { id: known, ...draft } = whole
    return { line: number, text, draft: id === undefined ? draft : { ...draft, id: known } }
  } catch (error) {
    if (error instanceof HalfsecondError) return fault(error.message)
    throw error
  }
}

type Fields = { readonly [name: string]: unknown }

function completed(value: Fields, namespaces: Namespaces): Fields {
  const kind = value.kind ?? (value.set === undefined ? 'event' : 'traits')
  const at = parseTime(value.at) ?? value.at
  const key = identifier('key', value.key, namespaces)
  switch (kind) {
    case 'event':
      return { ...value, kind, key, at, properties: value.properties ?? {} }
    case 'traits':
      return { ...value, kind, key, at, set: value.set ?? {}, unset: value.unset ?? [] }
    case 'link':
    case 'unlink': {
      const to = identifier('to', value.to, namespaces)
      const isUp = compareIdentifiers(key, to, namespaces) < 0
      return { ...value, kind, at, key: isUp ? key : to, to: isUp ? to : key }
    }
    default:
      return { ...value, kind, key, at }
  }
}

function identifier(field: string, value: unknown, namespaces: Namespaces): Identifier {
  if (typeof value === 'string') return parseIdentifier(value, namespaces)
  throw new HalfsecondError('INVALID', `${field} is missing: an identifier like "crm:991"`)
}

/** Undefined for what is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
