/**
 * Whether every reader makes the same text of its UTF-8 bytes: no lone surrogate, and no byte-order
 * mark in front, which some decoders drop.
 */
export function isWellFormed(text: string): boolean {
  return text.charCodeAt(0) !== 0xfeff && !/\p{Cs}/u.test(text)
}

/** Well-formed, and without control characters. */
export function isPrintable(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 || unit === 0x7f) return false
    if (unit >= 0x80) return isWellFormed(text) && !/\p{Cc}/u.test(text)
  }
  return true
}

/** Whether `text` takes more than `max` bytes of UTF-8; counts only where the length leaves a doubt. */
export function isLonger(text: string, max: number): boolean {
  return text.length > max || (text.length * 3 > max && utf8Bytes(text) > max)
}

/** A pair of surrogates is 4 bytes, 2 for each. */
function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return bytes
}

/** Compares as UTF-8 bytes would: by code point, where JavaScript's `<` goes by UTF-16 unit. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i)
    const unitB = b.charCodeAt(i)
    if (unitA !== unitB) return byPoint(unitA) - byPoint(unitB)
  }
  return a.length - b.length
}

/** Moves surrogates above every other unit, as the code points they stand for are. */
function byPoint(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}

/**
 * At most 64 characters of untrusted text, safe in messages and logs: whatever a terminal would
 * obey or not show is escaped.
 */
export function printable(text: string): string {
  return JSON.stringify(text.slice(0, 64))
    .slice(1, -1)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}
