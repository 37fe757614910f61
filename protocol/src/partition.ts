/**
 * 32-bit FNV-1a over the UTF-8 bytes of `text`, the hash of the NATS server's own `partition()`
 * mapping. Source: http://www.isthe.com/chongo/tech/comp/fnv/ (offset 2166136261, prime 16777619).
 */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      hash = Math.imul(hash ^ unit, 0x01000193)
      continue
    }
    const point = text.codePointAt(i) ?? unit
    if (point > 0xffff) i++
    if (point < 0x800) {
      hash = Math.imul(hash ^ (0xc0 | (point >> 6)), 0x01000193)
    } else {
      if (point < 0x10000) {
        hash = Math.imul(hash ^ (0xe0 | (point >> 12)), 0x01000193)
      } else {
        hash = Math.imul(hash ^ (0xf0 | (point >> 18)), 0x01000193)
        hash = Math.imul(hash ^ (0x80 | ((point >> 12) & 0x3f)), 0x01000193)
      }
      hash = Math.imul(hash ^ (0x80 | ((point >> 6) & 0x3f)), 0x01000193)
    }
    hash = Math.imul(hash ^ (0x80 | (point & 0x3f)), 0x01000193)
  }
  return hash >>> 0
}

/** The home shard of a canonical identifier. `shards` is a power of two, fixed per cluster. */
export function shardOf(identifier: string, shards: number): number {
  return fnv1a32(identifier) & (shards - 1)
}
