import { hash } from 'node:crypto'
import {
  HalfsecondError,
  type Identifier,
  identifierOf,
  type Namespaces,
  type Value,
} from '@halfsecond/protocol'
import type { Line } from './line-splitter.ts'
import type { PlainRow } from './row.ts'

/*
 * The combined log format of Apache and nginx:
 *
 *   address ident user [day/Mon/year:h:m:s zone] "request" status bytes "referrer" "agent"
 *
 * Referrer and agent may be missing (the common format), and anything may follow. Escapes in
 * quoted fields (\" \xNN) are kept as they stand: undoing them could make two paths equal.
 */

// Separators are what Unicode calls white space, and the four control characters that mean one.
const word = '[^\\p{White_Space}\\u001c-\\u001f]+'
const quoted = '"([^"\\\\]*(?:\\\\.[^"\\\\]*)*)"'
const combined = new RegExp(
  `^(${word}) ${word} ${word} \\[([^\\]]+)\\] ${quoted} (\\d{3}) (\\d+|-)(?: ${quoted} ${quoted})?`,
  'su',
)

/**
 * Longest texts, in bytes: what web servers accept in a request line or a header. Together they
 * fit a record.
 */
const textBytesMax = 8 * 1024
const wordBytesMax = 1024

/** Whether a line is one of an access log. */
export function isAccessLine(text: string): boolean {
  return combined.test(text)
}

/** The visit that a line tells of: the client address saw a page. */
export function readAccessLine(line: Line, namespaces: Namespaces): PlainRow {
  const { number, text } = line
  const fault = (why: string): PlainRow => ({ line: number, text, fault: why })
  if (!line.isWhole) return fault('the line is too long')
  const found = combined.exec(text)
  if (found === null) return fault('not a line of a combined access log')
  const [, address = '', time = '', request = '', status = '', bytes = '', referrer, agent] = found
  const at = parseAccessTime(time)
  if (at === undefined)
    return fault(`"${time.slice(0, 64)}" is no time like 17/May/2015:10:05:03 +0000`)
  const key = visitorOf(address, namespaces)
  if (key instanceof HalfsecondError) return fault(key.message)
  const properties = new Properties(request, Number(status), bytes, referrer, agent)
  return {
    line: number,
    text,
    draft: { kind: 'event', key, at, name: 'page', properties: properties.all },
  }
}

function visitorOf(address: string, namespaces: Namespaces): Identifier | HalfsecondError {
  try {
    return identifierOf('anon', address, namespaces)
  } catch (error) {
    if (error instanceof HalfsecondError) return error
    throw error
  }
}

/** The properties of one page event. */
class Properties {
  readonly all: { [name: string]: Value } = {}
  private readonly shortened: string[] = []

  constructor(
    request: string,
    status: number,
    bytes: string,
    referrer: string | undefined,
    agent: string | undefined,
  ) {
    const words = request.split(' ')
    const [method, path] = words
    // A request without a space is no request: what came stands for the path.
    if (path !== undefined && method !== undefined) this.set('method', method, wordBytesMax)
    this.set('path', path ?? request, textBytesMax)
    this.all.status = status
    const size = bytes === '-' ? 0 : Number(bytes)
    if (Number.isSafeInteger(size)) this.all.bytes = size
    if (words.length > 2) this.set('protocol', words.slice(2).join(' '), wordBytesMax)
    if (referrer !== undefined && referrer !== '-') this.set('referrer', referrer, textBytesMax)
    if (agent !== undefined && agent !== '-') this.set('agent', agent, textBytesMax)
    if (this.shortened.length > 0) this.all.shortened = this.shortened
  }

  private set(name: string, text: string, bytesMax: number): void {
    const fitting = shorten(text, bytesMax)
    if (fitting !== text) this.shortened.push(name)
    this.all[name] = fitting
  }
}

/**
 * The text, or where it is too long its beginning and a hash of all of it: the event counts, and
 * two long texts that differ still do.
 */
function shorten(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax) return text
  const mark = `…${hash('sha256', text, 'hex').slice(0, 16)}`
  const whole = Buffer.from(text)
  let end = bytesMax - Buffer.byteLength(mark)
  while (((whole[end] ?? 0) & 0xc0) === 0x80) end--
  return whole.toString('utf8', 0, end) + mark
}

const months = 'jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec'.split(',')
const timeForm =
  /^( ?\d|\d\d)\/([a-z]{3})\/(\d{4}):(\d\d?):(\d\d?):(\d\d?)\s+(?:([+-])(\d\d):?([0-5]\d)|Z)$/i

/** Milliseconds since 1970 of `17/May/2015:10:05:03 +0200`; undefined for what is no such time. */
export function parseAccessTime(text: string): number | undefined {
  const found = timeForm.exec(text)
  if (found === null) return undefined
  const [, day, monthName = '', year, hour, minute, second, sign, zoneHours, zoneMinutes] = found
  const month = months.indexOf(monthName.toLowerCase())
  const date = Date.UTC(Number(year), month, Number(day))
  const isReal =
    month >= 0 &&
    new Date(date).getUTCDate() === Number(day) &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) < 60
  if (!isReal) return undefined
  const offset = (Number(zoneHours ?? 0) * 60 + Number(zoneMinutes ?? 0)) * (sign === '-' ? -1 : 1)
  const clock = (Number(hour) * 60 + Number(minute) - offset) * 60 + Number(second)
  return date + clock * 1000
}
