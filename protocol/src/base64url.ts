import { HalfsecondError } from './errors.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const codes = new Uint8Array(128).fill(255)
for (let i = 0; i < 64; i++) codes[alphabet.charCodeAt(i)] = i

/** RFC 4648 §5, without padding. */
export function toBase64url(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += alphabet.charAt(group >> 18) + alphabet.charAt((group >> 12) & 63)
    if (left > 1) text += alphabet.charAt((group >> 6) & 63)
    if (left > 2) text += alphabet.charAt(group & 63)
  }
  return text
}

/** @throws HalfsecondError `MALFORMED` on any text that `toBase64url` does not make. */
export function fromBase64url(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length * 3) >> 2)
  let held = 0
  let bits = 0
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    const code = unit < 128 ? (codes[unit] ?? 255) : 255
    if (code === 255) throw new HalfsecondError('MALFORMED', 'not base64url text')
    held = ((held << 6) | code) & 0xffffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (held >> bits) & 255
    }
  }
  const rest = held & ((1 << bits) - 1)
  if (text.length % 4 === 1 || rest !== 0)
    throw new HalfsecondError('MALFORMED', 'not base64url text')
  return bytes
}
