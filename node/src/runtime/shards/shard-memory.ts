import { type FragmentId, identifierIn } from '@halfsecond/protocol'
import type { FeatureSet } from '../../core/features/feature-set.ts'
import type { Arena } from '../../core/fragment/arena.ts'
import { type Fragment, initialFragment } from '../../core/fragment/fragment.ts'
import { decodeFragment } from '../../core/fragment/fragment-row.ts'
import type { ChunkRows } from '../../core/fragment/sealed-timeline.ts'
import { featuresOf } from '../../core/fragment/timeline.ts'
import { newestCopy } from '../../core/identity/copies-below.ts'
import type { ProfileChange } from '../../core/identity/identity-ground.ts'
import { ownId } from '../../core/own-id.ts'
import { encodeCopy } from '../../core/profile/copy.ts'
import type { DeadLetter, ShardGround, ShardState } from '../../core/shard/shard-state.ts'
import { Actor } from '../actors/actor.ts'
import type { Actors } from '../actors/actors.ts'
import type { Observer, ShardStore } from '../ports.ts'
import type { RowsWriter } from '../rows.ts'
import { Cut } from './cut.ts'
import type { Recovered } from './shard-rows.ts'

/** Sealed chunks wait here for the next checkpoint, by `identifier number`. */
export interface SealedRow {
  readonly identifier: FragmentId
  readonly number: number
  /** Null: removed. */
  readonly row: Uint8Array | null
}

/** Everything that the store does not have yet. */
export interface Unsaved {
  readonly actors: Actor[]
  readonly chunks: Map<string, SealedRow>
  readonly producers: Set<string>
  /** Keys of the cells of the statistics. */
  readonly statistics: Set<string>
  /** Rows of the outbox that came or went, by `destination number`. */
  readonly outbox: Map<string, readonly [destination: number, n: number]>
  readonly deadLetters: { readonly number: number; readonly letter: DeadLetter }[]
}

/**
 * The actors of one shard, and what of them is not in the store yet. The ground that the shard's
 * fold stands on.
 *
 * M1 an actor that is not clean is in memory.
 * M2 a row is read from memory as long as the store may not have it.
 * M3 at most one cut is open; what changes while it is open belongs to the next one.
 */
export class ShardMemory implements ShardGround {
  readonly arena: Arena
  readonly digest: ShardState['digest']
  readonly chunks: ChunkRows
  /** Features that rows may bring along; null before a playbook is active. */
  features: FeatureSet | null = null
  readonly outboxChanged = (destination: number, n: number): void => {
    this.unsaved.outbox.set(`${destination} ${n}`, [destination, n])
  }
  /** Told when somebody joined a profile, or left it. */
  onProfileChange: (change: ProfileChange) => void = () => {}
  /** Told of every fragment that a record changed. */
  onChange: (fragment: Fragment) => void = () => {}
  private readonly beganEmpty: boolean
  private readonly state: ShardState
  private readonly store: ShardStore
  private readonly actors: Actors
  private readonly observer: Observer
  private readonly active = new Map<FragmentId, Actor>()
  private unsaved: Unsaved = nothingUnsaved()
  private open: Cut | undefined
  private letters: number
  /** The actor of the fragment that `activate` returned last. */
  private touched: Actor | undefined

  constructor(
    { state, deadLetters, wasEmpty }: Recovered,
    store: ShardStore,
    actors: Actors,
    observer: Observer,
  ) {
    this.state = state
    this.letters = deadLetters
    this.beganEmpty = wasEmpty
    this.store = store
    this.actors = actors
    this.observer = observer
    this.arena = actors.arena
    this.digest = state.digest
    this.chunks = {
      read: (identifier, number) => this.readChunk(identifier, number),
      seal: (identifier, number, row) => {
        this.unsaved.chunks.set(`${identifier} ${number}`, { identifier, number, row })
      },
      remove: (identifier, number) => {
        this.unsaved.chunks.set(`${identifier} ${number}`, { identifier, number, row: null })
      },
    }
  }

  activate(identifier: FragmentId): Fragment {
    const actor = this.active.get(identifier) ?? this.load(identifier) ?? this.create(identifier)
    if (actor.state === 'cut') this.open?.encode(actor)
    actor.uses++
    this.touched = actor
    return actor.fragment
  }

  changed(fragment: Fragment): void {
    this.onChange(fragment)
    const { touched } = this
    const actor = touched?.fragment === fragment ? touched : this.active.get(fragment.identifier)
    if (actor === undefined || actor.state === 'dirty') return
    if (actor.state === 'clean') this.actors.pinned(actor)
    actor.state = 'dirty'
    this.unsaved.actors.push(actor)
  }

  producerChanged(producer: string): void {
    this.unsaved.producers.add(producer)
  }

  statisticsChanged(key: string): void {
    this.unsaved.statistics.add(key)
  }

  profileChanged(change: ProfileChange): void {
    this.onProfileChange(change)
  }

  deadLetter(letter: DeadLetter): void {
    this.unsaved.deadLetters.push({ number: this.letters++, letter })
  }

  /** The fragment for reading, or undefined where nothing is known of the identifier. */
  read(identifier: FragmentId): Fragment | undefined {
    return (this.active.get(identifier) ?? this.load(identifier))?.fragment
  }

  /** The fragment for reading, if it is in memory anyway. */
  inMemory(identifier: FragmentId): Fragment | undefined {
    return this.active.get(identifier)?.fragment
  }

  /**
   * The fragment `id` as `holder` knows it, to be handed up: its own, or the newest copy from below.
   * Undefined where it has none any more.
   */
  copyOf(holder: FragmentId, id: FragmentId): Uint8Array | undefined {
    const fragment = this.read(holder)
    if (fragment === undefined) return undefined
    if (id !== holder) return newestCopy(fragment.ties, id)?.bytes
    const features = this.features && featuresOf(fragment, this.features, this)
    const device = this.read(identifierIn(id))?.device ?? null
    return encodeCopy(fragment, device, features, this.state.playbook.version)
  }

  /** The fragment where it is in memory: what is not is in the store in its present form. */
  peek(identifier: FragmentId): Fragment | undefined {
    return this.active.get(identifier)?.fragment
  }

  /** Counts a read, so that actors in use stay. */
  used(identifier: FragmentId): void {
    const actor = this.active.get(identifier)
    if (actor) this.actors.used(actor)
  }

  /** Every fragment that is in memory. Those that leave it meanwhile must not be kept. */
  *resident(): Generator<Fragment> {
    for (const { fragment } of this.active.values()) yield fragment
  }

  /** Fragments that the store does not have in their present form. */
  unsavedFragments(): Fragment[] {
    const fragments: Fragment[] = []
    for (const actor of this.active.values())
      if (actor.state !== 'clean') fragments.push(actor.fragment)
    return fragments
  }

  get unsavedActors(): number {
    return this.unsaved.actors.length
  }

  /** Whether any row waits for the next checkpoint. */
  get hasUnsaved(): boolean {
    const { actors, chunks, producers, statistics, outbox, deadLetters } = this.unsaved
    const rows = chunks.size + producers.size + statistics.size + outbox.size
    return actors.length + rows + deadLetters.length > 0
  }

  /** Begins a checkpoint at the state's position. Encode it in pieces, to `rows`, then commit it. */
  cut(rows: RowsWriter): Cut {
    const cut = new Cut(this.state, this.letters, this.unsaved, this.arena, rows)
    this.unsaved = nothingUnsaved()
    this.open = cut
    return cut
  }

  /** The store has what the cut wrote. */
  committed(cut: Cut): void {
    this.open = undefined
    for (const actor of cut.unsaved.actors) {
      if (actor.state !== 'written') continue
      actor.state = 'clean'
      this.actors.cleaned(actor)
    }
    this.actors.makeRoom()
  }

  /** The store refused what the cut wrote: all of it is unsaved again. */
  abandoned(cut: Cut): void {
    this.open = undefined
    const { actors, chunks, producers, statistics, outbox, deadLetters } = cut.unsaved
    for (const actor of actors) {
      if (actor.state === 'dirty') continue
      actor.state = 'dirty'
      this.unsaved.actors.push(actor)
    }
    for (const [key, row] of chunks)
      if (!this.unsaved.chunks.has(key)) this.unsaved.chunks.set(key, row)
    for (const producer of producers) this.unsaved.producers.add(producer)
    for (const cell of statistics) this.unsaved.statistics.add(cell)
    for (const [key, row] of outbox) this.unsaved.outbox.set(key, row)
    this.unsaved.deadLetters.unshift(...deadLetters)
  }

  /** Frees everything: the shard is no longer held. Only while no cut is open. */
  dispose(): void {
    for (const actor of this.active.values()) this.actors.discard(actor)
    this.active.clear()
    this.unsaved = nothingUnsaved()
  }

  private readChunk(identifier: FragmentId, number: number): Uint8Array | undefined {
    const key = `${identifier} ${number}`
    const waiting = this.unsaved.chunks.get(key) ?? this.open?.unsaved.chunks.get(key)
    if (waiting) return waiting.row ?? undefined
    return this.store.chunk(identifier, number)
  }

  private load(identifier: FragmentId): Actor | undefined {
    // Nothing left memory since the store was empty: what is not here is nowhere.
    if (this.beganEmpty && this.actors.passivated === 0) return undefined
    const row = this.store.fragment(identifier)
    if (row === undefined) return undefined
    this.observer.activated('store')
    return this.add(decodeFragment(ownId(identifier), row, this.arena, this.features))
  }

  private create(identifier: FragmentId): Actor {
    this.observer.activated('new')
    return this.add(initialFragment(ownId(identifier)))
  }

  private add(fragment: Fragment): Actor {
    const actor = new Actor(fragment, this.active)
    this.actors.added(actor)
    return actor
  }
}

function nothingUnsaved(): Unsaved {
  return {
    actors: [],
    chunks: new Map(),
    producers: new Set(),
    statistics: new Set(),
    outbox: new Map(),
    deadLetters: [],
  }
}
