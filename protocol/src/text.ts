/** Whether `text` holds no lone surrogate, so that its UTF-8 bytes say the same. */
export function isWellFormed(text: string): boolean {
  return !/\p{Cs}/u.test(text)
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

/** At most 64 characters of untrusted text, control characters escaped: safe in messages and logs. */
export function printable(text: string): string {
  return JSON.stringify(text.slice(0, 64)).slice(1, -1)
}
