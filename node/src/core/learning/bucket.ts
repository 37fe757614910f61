import type { Value } from '@halfsecond/protocol'
import { bucketChars } from './trial.ts'

/** What is not known of a visitor stands in the name of their bucket as this. */
const unknown = '?'
const separator = '|'

/**
 * The name of a visitor's bucket: what these say of them, one behind the other. However long their
 * texts are, each keeps its place: where all together are too long, each is cut to its share.
 */
export function bucketBy<Scope>(
  reads: readonly ((scope: Scope) => Value | undefined)[],
): (scope: Scope) => string {
  const [first, ...more] = reads
  if (first === undefined) return () => ''
  if (more.length === 0) return (scope) => cut(part(first(scope)), bucketChars)
  const share = Math.floor((bucketChars - more.length) / reads.length)
  return (scope) => {
    let bucket = part(first(scope))
    for (const read of more) bucket += separator + part(read(scope))
    if (bucket.length <= bucketChars) return bucket
    return reads.map((read) => cut(part(read(scope)), share)).join(separator)
  }
}

/** Text of which nothing has to be replaced: ASCII without control characters and separators. */
const plain = /^[ -{}~]*$/

/** What would separate, break a line, or not be text for every reader. */
const unfit = /[|\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

function part(value: Value | undefined): string {
  switch (typeof value) {
    case 'string':
      return plain.test(value) ? value : value.replaceAll(unfit, '_')
    case 'boolean':
      return value ? 'true' : 'false'
    case 'number':
      return Number.isInteger(value) ? String(value) : unknown
    default:
      return unknown
  }
}

/** Never in the middle of a character that takes two units. */
function cut(text: string, chars: number): string {
  if (text.length <= chars) return text
  const last = text.charCodeAt(chars - 1)
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? chars - 1 : chars)
}
