import { bounds, HalfsecondError } from '@halfsecond/protocol'

/*
 * Bodies become values here, and nowhere else. MessagePack stays bytes: its own guard judges it.
 * JSON gets the same guarantees: bounded depth, UTF-8, no key that reaches a prototype.
 */

export const msgpackType = 'application/msgpack'
export const jsonType = 'application/json'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Of the same key twice in one map the last counts, as everywhere in JavaScript.
 * @throws HalfsecondError `MALFORMED` or `TOO_LARGE`
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw new HalfsecondError('MALFORMED', 'the body is empty')
  if (isTooDeep(bytes))
    throw new HalfsecondError('TOO_LARGE', `nested deeper than ${bounds.depth} levels`)
  const text = decodeText(bytes)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new HalfsecondError('MALFORMED', 'the body is not JSON')
  }
  if (mayForbid.test(text)) refuseForbiddenKeys(value)
  return value
}

/** @throws HalfsecondError `MALFORMED` */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new HalfsecondError('MALFORMED', 'the body is not UTF-8 text')
  }
}

/**
 * One pass before parsing: JSON.parse takes half a million levels, recursive readers behind it do
 * not. Text that is not JSON may count wrong here; parsing refuses it anyway.
 */
function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0
  let isInText = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (isInText) {
      if (byte === 0x5c) i++
      else if (byte === 0x22) isInText = false
    } else if (byte === 0x22) {
      isInText = true
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > bounds.depth) return true
    } else if (byte === 0x5d || byte === 0x7d) {
      depth--
    }
  }
  return false
}

const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** Text without these cannot spell a forbidden key: `\u` because keys may be written in escapes. */
const mayForbid = /__proto__|constructor|prototype|\\u/

function refuseForbiddenKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const element of value) refuseForbiddenKeys(element)
    return
  }
  for (const [key, member] of Object.entries(value)) {
    if (forbidden.has(key)) throw new HalfsecondError('MALFORMED', `a key named ${key}`)
    refuseForbiddenKeys(member)
  }
}
