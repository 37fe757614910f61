/*
 * Decision ids are ULIDs (https://github.com/ulid/spec): 48 bits of milliseconds and 80 random
 * bits as 26 characters of Crockford's base 32. The time in front lets the fold find the outcomes
 * of a decision without scanning a person's whole history.
 */
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** By ten bits, the two characters that they are: half as many pieces to put together. */
const pairs = Array.from({ length: 1024 }, (_, i) => digits.charAt(i >> 5) + digits.charAt(i & 31))

/** What a busy client makes in one millisecond begins alike. */
let newest = { ms: -1, text: '' }

// Scratch: an id is made at once.
const bytes = new Uint8Array(16)

/** @param random fills an array with random bytes, or gives another of its length */
export function ulid(atMs: number, random: (bytes: Uint8Array) => Uint8Array): string {
  if (atMs !== newest.ms) newest = { ms: atMs, text: timeText(atMs) }
  let text = newest.text
  // 16 random characters of 5 bits; one byte each is simpler than packing 10 bytes and as random.
  const drawn = random(bytes)
  for (let i = 0; i < 16; i += 2)
    text += pairs[(((drawn[i] ?? 0) & 31) << 5) | ((drawn[i + 1] ?? 0) & 31)]
  return text
}

function timeText(ms: number): string {
  let text = ''
  let rest = ms
  for (let i = 0; i < 10; i++) {
    text = digits.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/** The time in a ULID, or undefined where `id` is none. */
export function ulidTime(id: string): number | undefined {
  if (id.length !== 26) return undefined
  let time = 0
  for (let i = 0; i < 10; i++) {
    const digit = digits.indexOf(id.charAt(i))
    if (digit < 0) return undefined
    time = time * 32 + digit
  }
  return time < 2 ** 48 ? time : undefined
}
