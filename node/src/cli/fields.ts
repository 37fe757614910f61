import { HalfsecondError, isFields } from '@halfsecond/protocol'

export type Fields = { readonly [name: string]: unknown }

/** A map that a node answered. @throws HalfsecondError `MALFORMED` for anything else */
export function fieldsOf(value: unknown): Fields {
  if (isFields(value)) return value
  throw new HalfsecondError('MALFORMED', 'not an answer of a halfsecond node of this version')
}

/** A list of maps, empty where there is none. */
export function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : []
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)
}
