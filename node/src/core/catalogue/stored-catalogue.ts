import { decode, encode, HalfsecondError, isFields, nameFault } from '@halfsecond/protocol'
import { type Item, isItem, itemBytesMax, itemFault, itemsMax } from './catalogue.ts'

/*
 * A version of a catalogue is a few blobs, each named by the hash of its content: pieces, which are
 * MessagePack arrays of [id, values], and one that lists them. So what did not change between two
 * versions is stored once, and no piece takes long to read.
 */

/** Items of one piece: reading one holds a node up for a millisecond or two. */
export const itemsPerPieceMax = 1_000

/** Pieces of one catalogue: the list of them still fits a request. */
export const piecesMax = 3_600

/** What a version of a catalogue consists of. */
export interface CatalogueList {
  readonly name: string
  readonly items: number
  /** Hashes of its pieces, in order. */
  readonly pieces: readonly string[]
}

export function encodePiece(items: readonly Item[]): Uint8Array {
  return encode(items.map(({ id, values }) => [id, values]))
}

/** @throws HalfsecondError `MALFORMED`, `TOO_LARGE`, or `INVALID` with the item that is at fault */
export function readPiece(bytes: Uint8Array): readonly Item[] {
  const rows = decode(bytes)
  if (!Array.isArray(rows) || rows.length === 0 || rows.length > itemsPerPieceMax)
    throw new HalfsecondError('INVALID', `a piece has 1 to ${itemsPerPieceMax} items`)
  return rows.map((row: unknown) => {
    const [id, values]: unknown[] = Array.isArray(row) ? row : []
    const item: unknown = { id, values }
    if (isItem(item)) return item
    const named = String(id).slice(0, 64)
    throw new HalfsecondError('INVALID', `item ${named}: ${itemFault(item) ?? ''}`)
  })
}

/** @throws HalfsecondError `INVALID` for an item that a piece may not hold */
export function checkItem(item: Item): void {
  const fault = itemFault(item)
  if (fault !== undefined) throw new HalfsecondError('INVALID', fault)
  const size = encode([item.id, item.values]).length
  if (size > itemBytesMax)
    throw new HalfsecondError('INVALID', `${size} bytes; an item has at most ${itemBytesMax}`)
}

export function encodeList({ name, items, pieces }: CatalogueList): Uint8Array {
  return encode({ v: 1, name, items, pieces })
}

/** @throws HalfsecondError `INVALID` */
export function readList(value: unknown): CatalogueList {
  if (isFields(value)) {
    const { name, items, pieces } = value
    const isNamed = typeof name === 'string' && nameFault('a catalogue', name) === undefined
    const isCounted = typeof items === 'number' && items > 0 && items <= itemsMax
    if (isNamed && isCounted && isHashes(pieces) && pieces.length <= piecesMax)
      return { name, items, pieces }
  }
  throw new HalfsecondError(
    'INVALID',
    `a catalogue has a name, 1 to ${itemsMax} items, and the hashes of at most ${piecesMax} pieces`,
  )
}

function isHashes(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => typeof one === 'string' && /^[0-9a-f]{64}$/.test(one))
  )
}
