import { encodeBatch, type Identifier, type Position } from '@halfsecond/protocol'

/** Keys remembered; the oldest is forgotten, which costs a decide of it a position at most. */
const keysMax = 200_000

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

/** What this client wrote lately, by key: so that its own last click is always reflected. */
export class Recent {
  private readonly keys = new Map<Identifier, Key>()

  sent(record: Unacknowledged): void {
    const known = this.keys.get(record.key)
    if (known) {
      known.pending.push(record)
      return
    }
    this.keys.set(record.key, { pending: [record], position: undefined })
    if (this.keys.size <= keysMax) return
    for (const oldest of this.keys.keys()) {
      this.keys.delete(oldest)
      break
    }
  }

  acknowledged(record: Unacknowledged, position: Position): void {
    const known = this.keys.get(record.key)
    if (!known) return
    remove(known.pending, record)
    known.position = position
  }

  failed(record: Unacknowledged): void {
    const known = this.keys.get(record.key)
    if (!known) return
    remove(known.pending, record)
    if (known.pending.length === 0 && known.position === undefined) this.keys.delete(record.key)
  }

  /** A node answered from `position`: what was acknowledged up to there need not be asked for. */
  reflected(key: Identifier, position: Position): void {
    const known = this.keys.get(key)
    if (!known?.position || known.position.shard !== position.shard) return
    if (
      known.position.incarnation === position.incarnation &&
      known.position.sequence > position.sequence
    )
      return
    if (known.pending.length === 0) this.keys.delete(key)
    else known.position = undefined
  }

  positionOf(key: Identifier): Position | undefined {
    return this.keys.get(key)?.position
  }

  /** Batches of the key's unacknowledged records: runs of consecutive numbers, oldest first. */
  pendingOf(key: Identifier): Uint8Array[] {
    const pending = this.keys.get(key)?.pending
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
