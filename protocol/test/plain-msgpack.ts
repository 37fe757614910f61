/*
 * A second, slow reader of plain MessagePack, written from the specification alone. The tests
 * compare what the codec reads with what this one reads.
 */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @throws Error on whatever is not exactly one plain value. Timestamps become the text `timestamp`. */
export function readPlain(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes)
  const value = reader.value()
  if (reader.at !== bytes.length) throw new Error('bytes left')
  return value
}

class Reader {
  at = 0
  private readonly bytes: Uint8Array
  private readonly view: DataView

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  value(): unknown {
    const type = this.uint(1)
    if (type < 0x80) return type
    if (type < 0x90) return this.map(type & 15)
    if (type < 0xa0) return this.list(type & 15)
    if (type < 0xc0) return this.text(type & 31)
    if (type >= 0xe0) return type - 256
    switch (type) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return `bytes ${Buffer.from(this.take(this.uint(1 << (type - 0xc4)))).toString('hex')}`
      case 0xc7:
        return this.timestamp(this.uint(1))
      case 0xca:
        return this.view.getFloat32(this.skip(4))
      case 0xcb:
        return this.view.getFloat64(this.skip(8))
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.uint(1 << (type - 0xcc))
      case 0xcf:
        return Number(this.view.getBigUint64(this.skip(8)))
      case 0xd0:
        return this.view.getInt8(this.skip(1))
      case 0xd1:
        return this.view.getInt16(this.skip(2))
      case 0xd2:
        return this.view.getInt32(this.skip(4))
      case 0xd3:
        return Number(this.view.getBigInt64(this.skip(8)))
      case 0xd6:
        return this.timestamp(4)
      case 0xd7:
        return this.timestamp(8)
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(this.uint(1 << (type - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.list(this.uint(2 << (type - 0xdc)))
      case 0xde:
      case 0xdf:
        return this.map(this.uint(2 << (type - 0xde)))
      default:
        throw new Error(`type ${type}`)
    }
  }

  private map(count: number): unknown {
    const map: { [name: string]: unknown } = {}
    for (let i = 0; i < count; i++) {
      const key = this.value()
      if (typeof key !== 'string' || Object.hasOwn(map, key)) throw new Error('key')
      map[key] = this.value()
    }
    return map
  }

  private list(count: number): unknown[] {
    const list: unknown[] = []
    for (let i = 0; i < count; i++) list.push(this.value())
    return list
  }

  private text(length: number): string {
    return utf8.decode(this.take(length))
  }

  private timestamp(length: number): string {
    if (this.uint(1) !== 0xff) throw new Error('extension')
    this.skip(length)
    return 'timestamp'
  }

  private uint(width: number): number {
    const at = this.skip(width)
    let value = 0
    for (let i = 0; i < width; i++) value = value * 256 + this.view.getUint8(at + i)
    return value
  }

  private take(length: number): Uint8Array {
    const at = this.skip(length)
    return this.bytes.subarray(at, at + length)
  }

  private skip(length: number): number {
    const at = this.at
    if (at + length > this.bytes.length) throw new Error('truncated')
    this.at += length
    return at
  }
}

/** What the codec read, in the form that `readPlain` gives. */
export function toPlain(value: unknown): unknown {
  if (value instanceof Date) return 'timestamp'
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return value.map(toPlain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toPlain(one)]))
}
