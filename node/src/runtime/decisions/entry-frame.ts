/*
 * Entries of the decision log travel and lie together, so that one write to a disk takes many:
 *
 *   (u32 length, little-endian │ entry)…
 */

const lengthBytes = 4

/** A message of any log takes a megabyte; one that is erased from is read and written whole. */
const frameBytesMax = 256 * 1024

/** Frames of at most `frameBytesMax`, or of one entry, in order. */
export function framesOf(entries: readonly Uint8Array[]): Uint8Array[] {
  const frames: Uint8Array[] = []
  let first = 0
  let bytes = 0
  entries.forEach(({ length }, index) => {
    if (bytes > 0 && bytes + lengthBytes + length > frameBytesMax) {
      frames.push(frameOf(entries.slice(first, index), bytes))
      first = index
      bytes = 0
    }
    bytes += lengthBytes + length
  })
  if (bytes > 0) frames.push(frameOf(entries.slice(first), bytes))
  return frames
}

/** The entries of a frame, as views. What is cut off is left out. */
export function entriesIn(frame: Uint8Array): Uint8Array[] {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const entries: Uint8Array[] = []
  let at = 0
  while (at + lengthBytes <= frame.length) {
    const end = at + lengthBytes + view.getUint32(at, true)
    if (end > frame.length) break
    entries.push(frame.subarray(at + lengthBytes, end))
    at = end
  }
  return entries
}

function frameOf(entries: readonly Uint8Array[], bytes: number): Uint8Array {
  const frame = new Uint8Array(bytes)
  const view = new DataView(frame.buffer)
  let at = 0
  for (const entry of entries) {
    view.setUint32(at, entry.length, true)
    frame.set(entry, at + lengthBytes)
    at += lengthBytes + entry.length
  }
  return frame
}
