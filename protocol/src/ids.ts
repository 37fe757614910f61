/*
 * Decision ids are ULIDs (https://github.com/ulid/spec): 48 bits of milliseconds and 80 random
 * bits as 26 characters of Crockford's base 32. The time in front lets the fold find the outcomes
 * of a decision without scanning a person's whole history.
 */
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** @param random fills an array with random bytes */
export function ulid(atMs: number, random: (bytes: Uint8Array) => Uint8Array): string {
  let time = ''
  let rest = atMs
  for (let i = 0; i < 10; i++) {
    time = digits.charAt(rest % 32) + time
    rest = Math.floor(rest / 32)
  }
  // 16 random characters of 5 bits; one byte each is simpler than packing 10 bytes and as random.
  for (const byte of random(new Uint8Array(16))) time += digits.charAt(byte & 31)
  return time
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
