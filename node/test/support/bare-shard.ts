import { encode, type FragmentId } from '@halfsecond/protocol'
import { Digest } from '../../src/core/digest.ts'
import { Arena } from '../../src/core/fragment/arena.ts'
import { type Fragment, initialFragment, release } from '../../src/core/fragment/fragment.ts'
import { decodeFragment } from '../../src/core/fragment/fragment-row.ts'
import type { ProfileChange } from '../../src/core/identity/identity-ground.ts'
import { type ProfileView, viewOf } from '../../src/core/profile-view.ts'
import { type Folded, foldEntry } from '../../src/core/shard/fold.ts'
import {
  type DeadLetter,
  initialShardState,
  type LogEntry,
  type ShardGround,
  type ShardState,
} from '../../src/core/shard/shard-state.ts'
import { rowOf } from './row-of.ts'

/** The fold of one shard on a ground of plain maps: what everything cleverer must equal. */
export class BareShard implements ShardGround {
  readonly arena: Arena
  readonly state: ShardState
  readonly fragments = new Map<FragmentId, Fragment>()
  readonly rows = new Map<string, Uint8Array>()
  readonly letters: DeadLetter[] = []
  readonly changedProducers: string[] = []
  /** Who joined or left which profile. */
  readonly changes: ProfileChange[] = []
  /** Rows of sealed chunks that were read. */
  chunkReads = 0
  readonly chunks = {
    read: (identifier: FragmentId, number: number) => {
      this.chunkReads++
      return this.rows.get(`${identifier} ${number}`)
    },
    seal: (identifier: FragmentId, number: number, row: Uint8Array) => {
      this.rows.set(`${identifier} ${number}`, row)
    },
    remove: (identifier: FragmentId, number: number) => {
      this.rows.delete(`${identifier} ${number}`)
    },
  }

  constructor(
    shard = 0,
    shards = 1,
    { arena, state }: { readonly arena?: Arena; readonly state?: ShardState } = {},
  ) {
    this.arena = arena ?? new Arena()
    this.state = state ?? initialShardState(shard, shards, 1)
  }

  get digest(): Digest {
    return this.state.digest
  }

  activate(identifier: FragmentId): Fragment {
    let fragment = this.fragments.get(identifier)
    if (fragment === undefined) {
      fragment = initialFragment(identifier)
      this.fragments.set(identifier, fragment)
    }
    return fragment
  }

  changed(_fragment: Fragment): void {}

  /** Passed on as it is. */
  readonly outboxChanged = (destination: number, n: number): void => {
    this.messageChanged(destination, n)
  }

  protected messageChanged(_destination: number, _n: number): void {}

  profileChanged(change: ProfileChange): void {
    this.changes.push(change)
  }

  producerChanged(producer: string): void {
    this.changedProducers.push(producer)
  }

  statisticsChanged(_key: string): void {}

  deadLetter(letter: DeadLetter): void {
    this.letters.push(letter)
  }

  fold(entry: LogEntry): Folded {
    return foldEntry(this.state, entry, this)
  }

  /** Folds a batch that the log takes at `timestamp`. */
  take(bytes: Uint8Array, timestamp: number, own = false): Folded {
    return this.fold({ sequence: this.state.applied + 1, timestamp, own, bytes })
  }

  /** Writes every fragment to its row and reads it back, as passivation does. */
  snapshot(): void {
    for (const [identifier, fragment] of this.fragments) {
      const row = rowOf(fragment, this.arena)
      const set = fragment.features?.set ?? null
      release(fragment, this.arena)
      this.fragments.set(identifier, decodeFragment(identifier, row, this.arena, set))
    }
  }

  view(identifier: FragmentId): ProfileView | undefined {
    const fragment = this.fragments.get(identifier)
    return fragment && viewOf(fragment, this)
  }

  /** Everything known, by identifier. */
  views(): { [identifier: string]: ProfileView | undefined } {
    return Object.fromEntries(
      [...this.fragments.keys()].sort().map((identifier) => [identifier, this.view(identifier)]),
    )
  }

  /** The digest of the facts as they are now, summed from nothing. */
  digestFromScratch(): string {
    const digest = new Digest()
    for (const { identifier, open, sealed, traits, links, consents } of this.fragments.values()) {
      for (let number = 0; number < (sealed?.chunks ?? 0); number++) {
        const row = this.rows.get(`${identifier} ${number}`) ?? new Uint8Array(0)
        addEntries(digest, row.subarray(25))
      }
      addEntries(digest, open.bytes(this.arena))
      for (const [kind, registers] of Object.entries({ traits, links, consents })) {
        for (const [name, register] of registers ?? []) {
          const { value, at, id, channel, source } = register
          const fact = [kind, identifier, name, value, at, id, channel, source]
          const bytes = encode(fact.map((part) => part ?? null))
          digest.add(bytes, 0, bytes.length)
        }
      }
    }
    for (const row of this.state.statistics.rows()) digest.add(row, 0, row.length)
    return digest.toString()
  }
}

/** An entry counts with its time and the bytes of its record. */
function addEntries(digest: Digest, entries: Uint8Array): void {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength)
  for (let at = 0; at < entries.length; ) {
    const end = at + view.getUint32(at, true)
    digest.add(entries, at + 8, end)
    at = end
  }
}
