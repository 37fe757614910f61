import { decodeBatch, isFields, isPrimaryOwnRecord } from '@halfsecond/protocol'
import { fingerprintOf } from '../../src/core/shard/fold.ts'
import type { LogEntry } from '../../src/runtime/ports.ts'
import { BareShard } from '../support/bare-shard.ts'

/** Where an event counted for the first time. */
interface FirstSeen {
  readonly sequence: number
  readonly id: string
}

/** What a log held, until it lost some of it. */
export class Branch {
  /** After each entry; before the first one the empty state's. */
  readonly digests: string[] = ['0'.repeat(16)]
  readonly fingerprints: string[] = ['']
  /** When the log took each entry, by the time that never jumps. */
  readonly takenAt: number[] = [Number.NEGATIVE_INFINITY]
  private readonly seen = new Map<string, FirstSeen[]>()
  private readonly ids = new Set<string>()

  get last(): number {
    return this.digests.length - 1
  }

  saw(sequence: number, key: string, id: string): void {
    if (this.ids.has(id)) return
    this.ids.add(id)
    const events = this.seen.get(key)
    if (events) events.push({ sequence, id })
    else this.seen.set(key, [{ sequence, id }])
  }

  /** A record that is no event. */
  heard(id: string): void {
    this.ids.add(id)
  }

  has(id: string): boolean {
    return this.ids.has(id)
  }

  /** The events of a visitor up to a position. */
  events(key: string, upTo = Number.POSITIVE_INFINITY): readonly string[] {
    const events = this.seen.get(key) ?? []
    return events.filter(({ sequence }) => sequence <= upTo).map(({ id }) => id)
  }
}

/** What is true of a shard: a fold of its whole log on plain maps, which nothing ever happens to. */
export class ShardTruth {
  readonly number: number
  bare: BareShard
  /** The last one is what the log holds now; in the others it lost its end. */
  readonly branches: Branch[] = [new Branch()]
  private readonly shards: number
  private lostAt = Number.NEGATIVE_INFINITY
  private entries: { readonly entry: LogEntry; readonly at: number }[] = []
  /** Which life leads in which epoch. */
  private readonly leaders = new Map<number, string>()

  constructor(number: number, shards: number) {
    this.number = number
    this.shards = shards
    this.bare = new BareShard(number, shards)
  }

  get branch(): Branch {
    const branch = this.branches.at(-1)
    if (branch === undefined) throw new RangeError('a log has a branch')
    return branch
  }

  /** @returns what is wrong with the entry, if anything */
  append(entry: LogEntry, by: string, at: number): string | undefined {
    const copy = { ...entry, bytes: new Uint8Array(entry.bytes) }
    this.entries.push({ entry: copy, at })
    const before = this.fenced()
    const { epoch } = this.bare.state
    this.take(copy, at)
    return entry.own ? this.fenceFault(copy, by, epoch, before) : undefined
  }

  lose(last: number, at: number): void {
    this.lostAt = at
    const kept = this.entries.slice(0, last)
    this.entries = []
    this.branches.push(new Branch())
    this.bare = new BareShard(this.number, this.shards)
    for (const one of kept) {
      this.entries.push(one)
      this.take(one.entry, one.at)
    }
  }

  /** Whether the log has lost entries after this time. */
  lostSince(at: number): boolean {
    return this.lostAt >= at
  }

  private take(entry: LogEntry, at: number): void {
    const { branch, bare } = this
    bare.fold(entry)
    branch.digests.push(bare.digest.toString())
    branch.fingerprints.push(fingerprintOf(entry))
    branch.takenAt.push(at)
    if (entry.own) return
    for (const record of recordsOf(entry.bytes)) {
      if (!isFields(record)) continue
      if (record.kind === 'event') branch.saw(entry.sequence, String(record.key), String(record.id))
      else branch.heard(String(record.id))
    }
  }

  /** All that only a primary may change. */
  private fenced(): string {
    const { epoch, playbook, foldVersion, time } = this.bare.state
    return [epoch, playbook.version, foldVersion, time.now].join()
  }

  private fenceFault(
    entry: LogEntry,
    by: string,
    epoch: number,
    before: string,
  ): string | undefined {
    for (const record of recordsOf(entry.bytes)) {
      if (!isPrimaryOwnRecord(record)) continue
      if (record.epoch < epoch && this.fenced() !== before)
        return `entry ${entry.sequence} of epoch ${record.epoch} had effect in epoch ${epoch}`
      if (record.kind !== 'primary') continue
      const leader = this.leaders.get(record.epoch) ?? by
      this.leaders.set(record.epoch, leader)
      if (leader !== by) return `${leader} and ${by} claim epoch ${record.epoch}`
    }
    return undefined
  }
}

function recordsOf(bytes: Uint8Array): readonly unknown[] {
  try {
    return decodeBatch(bytes).records
  } catch {
    return []
  }
}
