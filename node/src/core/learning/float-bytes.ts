/** Numbers as Float32 bytes, little-endian whatever the machine is. */
export function floatBytes(lists: readonly Float32Array[]): Uint8Array {
  const count = lists.reduce((sum, { length }) => sum + length, 0)
  const view = new DataView(new ArrayBuffer(count * 4))
  let at = 0
  for (const list of lists)
    for (const number of list) {
      view.setFloat32(at, number, true)
      at += 4
    }
  return new Uint8Array(view.buffer)
}

/** The numbers in such bytes; what is less than one at their end is left out. */
export function floatsIn(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const numbers = new Float32Array(Math.floor(bytes.length / 4))
  for (let i = 0; i < numbers.length; i++) numbers[i] = view.getFloat32(4 * i, true)
  return numbers
}
