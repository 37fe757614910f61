import { decode, encode, HalfsecondError, isErrorCode, isFields } from '@halfsecond/protocol'

/* What nodes ask of each other about what waits in outboxes, and while files are expunged. */

const limits = { frameBytes: 4 * 1024 * 1024, depth: 4, elementsPerItem: 70_000 }

/** What waits in an outbox for one destination, by its least and greatest number. */
export interface Waiting {
  readonly shard: number
  readonly destination: number
  readonly first: number
  readonly last: number
}

export interface Unsent {
  /** Shards that the node leads. */
  readonly led: readonly number[]
  readonly waiting: readonly Waiting[]
}

/** Shards, each with a position in its log. */
export type Marks = ReadonlyMap<number, number>

export type EraseRequest =
  | { readonly op: 'unsent' }
  /** Writes to the logs that the node leads, `fill` with enough for a file; answers where they end. */
  | { readonly op: 'expunge.mark'; readonly fill: readonly number[] | null }
  /** Trims those logs up to there; answers which files still hold what was trimmed. */
  | { readonly op: 'expunge.trim'; readonly marks: Marks }
  | { readonly op: 'expunge.compact' }

export function encodeEraseRequest(request: EraseRequest): Uint8Array {
  return encode(
    request.op === 'expunge.trim' ? { op: request.op, marks: [...request.marks] } : request,
  )
}

/** Undefined for another kind of request. */
export function eraseRequestOf(value: {
  readonly [name: string]: unknown
}): EraseRequest | undefined {
  const { op, fill, marks } = value
  if (op === 'unsent' || op === 'expunge.compact') return { op }
  if (op === 'expunge.mark') return { op, fill: Array.isArray(fill) ? fill.filter(isCount) : null }
  if (op === 'expunge.trim') return { op, marks: new Map(rowsOf(marks, 2).map(pairOf)) }
  return undefined
}

export function encodeUnsent({ led, waiting }: Unsent): Uint8Array {
  const rows = waiting.map(({ shard, destination, first, last }) => [
    shard,
    destination,
    first,
    last,
  ])
  return encode({ led, waiting: rows })
}

/** @throws HalfsecondError the one that was answered, or `MALFORMED` */
export function readUnsent(answer: Uint8Array): Unsent {
  const { led, waiting } = fieldsIn(answer)
  return {
    led: Array.isArray(led) ? led.filter(isCount) : [],
    waiting: rowsOf(waiting, 4).map(([shard = 0, destination = 0, first = 0, last = 0]) => ({
      shard,
      destination,
      first,
      last,
    })),
  }
}

export function encodeMarks(marks: Marks): Uint8Array {
  return encode({ marks: [...marks] })
}

/** @throws HalfsecondError the one that was answered, or `MALFORMED` */
export function readMarks(answer: Uint8Array): Marks {
  return new Map(rowsOf(fieldsIn(answer).marks, 2).map(pairOf))
}

export function encodeShards(shards: readonly number[]): Uint8Array {
  return encode({ shards })
}

/** @throws HalfsecondError the one that was answered, or `MALFORMED` */
export function readShards(answer: Uint8Array): readonly number[] {
  const { shards } = fieldsIn(answer)
  return Array.isArray(shards) ? shards.filter(isCount) : []
}

function fieldsIn(answer: Uint8Array): { readonly [name: string]: unknown } {
  const value = decode(answer, limits)
  if (!isFields(value)) throw new HalfsecondError('MALFORMED', 'not an answer of a node')
  const { error, message } = value
  if (isErrorCode(error)) throw new HalfsecondError(error, String(message))
  return value
}

function rowsOf(value: unknown, length: number): number[][] {
  if (!Array.isArray(value)) return []
  return value.flatMap((row: unknown) =>
    Array.isArray(row) && row.length === length && row.every(isCount) ? [row.filter(isCount)] : [],
  )
}

function pairOf([shard = 0, sequence = 0]: readonly number[]): [number, number] {
  return [shard, sequence]
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
