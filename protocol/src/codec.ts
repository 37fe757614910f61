import { Packr, Unpackr } from 'msgpackr'
import { guard, type Limits } from './guard.ts'

/*
 * The only place that knows msgpackr. Plain maps and arrays: no record definitions, no shared
 * structures, no references, so that any MessagePack library reads what we write.
 */
const options = {
  useRecords: false,
  structuredClone: false,
  moreTypes: false,
  variableMapSize: true,
  mapsAsObjects: true,
  int64AsType: 'number',
  copyBuffers: false,
} as const

const packr = new Packr(options)
const unpackr = new Unpackr(options)

/** Encodes one value. The bytes are the caller's to keep. Undefined members are left out by callers. */
export function encode(value: unknown): Uint8Array {
  return packr.pack(value)
}

/**
 * Decodes bytes from outside: guarded first.
 * @throws HalfsecondError `MALFORMED` or `TOO_LARGE`
 */
export function decode(bytes: Uint8Array, limits?: Limits): unknown {
  guard(bytes, undefined, limits)
  return unpackr.unpack(bytes)
}

/** Decodes bytes that passed the guard, or that we wrote ourselves. Byte strings are views into `bytes`. */
export function decodeTrusted(bytes: Uint8Array, start = 0, end = bytes.length): unknown {
  return start === 0 && end === bytes.length
    ? unpackr.unpack(bytes)
    : unpackr.unpack(bytes, { start, end })
}
