import type { Arena } from '../../core/fragment/arena.ts'
import { holdsNothing } from '../../core/fragment/fragment.ts'
import { encodeFragment } from '../../core/fragment/fragment-row.ts'
import { storedOutboxRow } from '../../core/shard/outbox.ts'
import type { ShardState } from '../../core/shard/shard-state.ts'
import type { Actor } from '../actors/actor.ts'
import type { Rows } from '../ports.ts'
import type { RowsWriter } from '../rows.ts'
import type { Unsaved } from './shard-memory.ts'
import { encodeDeadLetter, encodeMeta, encodeProducer } from './shard-rows.ts'

/**
 * A checkpoint of one shard: its unsaved rows as they were at one position. The rows are encoded
 * in pieces; an actor that is about to change before its turn is encoded first, by whoever is
 * about to change it.
 */
export class Cut {
  readonly unsaved: Unsaved
  /** Position of the checkpoint. */
  readonly applied: number
  private readonly arena: Arena
  private readonly rows: RowsWriter
  private next = 0

  constructor(
    state: ShardState,
    deadLetters: number,
    unsaved: Unsaved,
    arena: Arena,
    rows: RowsWriter,
  ) {
    this.unsaved = unsaved
    this.applied = state.applied
    this.arena = arena
    this.rows = rows
    for (const actor of unsaved.actors) actor.state = 'cut'
    for (const { identifier, number, row } of unsaved.chunks.values()) {
      this.rows.chunk(identifier, number, row)
    }
    for (const [destination, n] of unsaved.outbox.values()) {
      const row = state.outbox.row(destination, n)
      this.rows.outbox(destination, n, row ? storedOutboxRow(row) : null)
    }
    for (const producer of unsaved.producers) {
      const row = state.producers.get(producer)
      this.rows.producer(producer, row ? encodeProducer(producer, row) : null)
    }
    for (const cell of unsaved.statistics)
      this.rows.statistics(cell, state.statistics.row(cell) ?? null)
    for (const { number, letter } of unsaved.deadLetters) {
      this.rows.deadLetter(number, encodeDeadLetter(letter))
    }
    this.rows.meta(encodeMeta(state, deadLetters))
  }

  encode(actor: Actor): void {
    const { fragment } = actor
    if (holdsNothing(fragment)) this.rows.removeFragment(fragment.identifier)
    else encodeFragment(fragment, this.arena, this.rows)
    actor.state = 'written'
  }

  /** Encodes up to `count` more actors. Returns whether any are left. */
  encodeSome(count: number): boolean {
    const { actors } = this.unsaved
    const end = Math.min(this.next + count, actors.length)
    for (; this.next < end; this.next++) {
      const actor = actors[this.next]
      if (actor?.state === 'cut') this.encode(actor)
    }
    return this.next < actors.length
  }

  finish(): Rows {
    return this.rows.finish()
  }
}
