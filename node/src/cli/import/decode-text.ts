import { isUtf8 } from 'node:buffer'

/**
 * The text of a line. A byte that is not UTF-8 becomes `\xNN`, as web servers themselves write it:
 * well-formed, the same every time, and different bytes stay different.
 */
export function decodeText(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : escapeInvalid(bytes)
}

function escapeInvalid(bytes: Buffer): string {
  let text = ''
  let at = 0
  while (at < bytes.length) {
    const length = sequenceLength(bytes[at] ?? 0)
    const sequence = bytes.subarray(at, at + length)
    if (sequence.length === length && isUtf8(sequence)) {
      text += sequence.toString('utf8')
      at += length
    } else {
      text += `\\x${bytes.toString('hex', at, at + 1).toUpperCase()}`
      at++
    }
  }
  return text
}

/** Bytes of the sequence that a lead byte begins. */
function sequenceLength(lead: number): number {
  if (lead < 0xc0) return 1
  if (lead < 0xe0) return 2
  return lead < 0xf0 ? 3 : 4
}
