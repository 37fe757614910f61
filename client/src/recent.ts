import { encodeBatch, type Identifier, type Position } from '@halfsecond/protocol'

/** Keys in one generation; at least so many are remembered, at most twice as many. */
const generationKeys = 100_000

/** A record between the call that made it and the log's acknowledgement. */
export interface Unacknowledged {
  readonly key: Identifier
  readonly shard: number
  readonly producer: string
  /** Its number per producer and shard. */
  readonly n: number
  readonly bytes: Uint8Array
}

interface Key {
  /** Not yet acknowledged, in order. */
  readonly pending: Unacknowledged[]
  /** Position of the newest acknowledged record. */
  position: Position | undefined
}

/**
 * What this client wrote lately, by key: so that its own last click is always reflected. Kept in
 * two generations, so that forgetting costs nothing per key: a key that was acknowledged and not
 * used for a whole generation is forgotten, which costs a decide of it a position at most.
 */
export class Recent {
  private young = new Map<Identifier, Key>()
  private old = new Map<Identifier, Key>()

  sent(record: Unacknowledged): void {
    const known = this.find(record.key)
    if (known) {
      known.pending.push(record)
      return
    }
    this.young.set(record.key, { pending: [record], position: undefined })
    if (this.young.size >= generationKeys) this.age()
  }

  acknowledged(record: Unacknowledged, position: Position): void {
    const known = this.find(record.key)
    if (!known) return
    remove(known.pending, record)
    known.position = position
  }

  failed(record: Unacknowledged): void {
    const known = this.find(record.key)
    if (!known) return
    remove(known.pending, record)
    if (known.pending.length === 0 && known.position === undefined) this.forget(record.key)
  }

  /** A node answered from `position`: what was acknowledged up to there need not be asked for. */
  reflected(key: Identifier, position: Position): void {
    const known = this.find(key)
    if (!known?.position || known.position.shard !== position.shard) return
    if (
      known.position.incarnation === position.incarnation &&
      known.position.sequence > position.sequence
    )
      return
    if (known.pending.length === 0) this.forget(key)
    else known.position = undefined
  }

  positionOf(key: Identifier): Position | undefined {
    return this.find(key)?.position
  }

  /** Batches of the key's unacknowledged records: runs of consecutive numbers, oldest first. */
  pendingOf(key: Identifier): Uint8Array[] {
    const pending = this.find(key)?.pending
    if (pending === undefined || pending.length === 0) return []
    const batches: Uint8Array[] = []
    let run: Unacknowledged[] = []
    for (const record of pending) {
      const last = run[run.length - 1]
      if (last && (record.n !== last.n + 1 || record.producer !== last.producer)) {
        batches.push(encodeRun(run))
        run = []
      }
      run.push(record)
    }
    batches.push(encodeRun(run))
    return batches
  }

  private find(key: Identifier): Key | undefined {
    return this.young.get(key) ?? this.old.get(key)
  }

  private forget(key: Identifier): void {
    if (!this.young.delete(key)) this.old.delete(key)
  }

  /** What is not acknowledged yet is never forgotten: the queue bounds it. */
  private age(): void {
    const kept = new Map<Identifier, Key>()
    for (const [key, known] of this.old) if (known.pending.length > 0) kept.set(key, known)
    this.old = this.young
    this.young = kept
  }
}

function encodeRun(run: readonly Unacknowledged[]): Uint8Array {
  const [first] = run
  return encodeBatch(
    first?.producer ?? '',
    first?.n ?? 1,
    run.map(({ bytes }) => bytes),
  )
}

function remove(pending: Unacknowledged[], record: Unacknowledged): void {
  if (pending[0] === record) pending.shift()
  else if (pending.includes(record)) pending.splice(pending.indexOf(record), 1)
}
