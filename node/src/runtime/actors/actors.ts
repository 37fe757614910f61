import { Arena } from '../../core/fragment/arena.ts'
import { heldBytes, release } from '../../core/fragment/fragment.ts'
import type { Observer } from '../ports.ts'
import type { Actor } from './actor.ts'
import { SegmentedLru } from './segmented-lru.ts'

/** Actors passivated in one go, so that making room never holds the loop for long. */
const passivateAtOnce = 512

/**
 * The memory that all actors of a node share: one arena and one budget in bytes.
 *
 * A1 only clean actors are passivated.
 * A2 after `makeRoom` the bytes held are within the budget, or no actor is clean.
 */
export class Actors {
  readonly arena = new Arena()
  private readonly order: SegmentedLru
  private readonly budgetBytes: number
  private readonly observer: Observer
  /** Actors that left memory so far. */
  passivated = 0
  private objectBytes = 0
  private active = 0

  constructor(budgetBytes: number, observer: Observer) {
    this.budgetBytes = budgetBytes
    this.observer = observer
    this.order = new SegmentedLru(budgetBytes)
  }

  get count(): number {
    return this.active
  }

  get heldBytes(): number {
    return this.objectBytes
  }

  /** A clean actor was activated. */
  added(actor: Actor): void {
    actor.home.set(actor.fragment.identifier, actor)
    this.active++
    this.objectBytes += actor.bytes
    this.order.put(actor)
  }

  /** The actor was read, and perhaps computed features that it keeps. */
  used(actor: Actor): void {
    actor.uses++
    if (actor.state !== 'clean') return
    this.order.remove(actor)
    this.measure(actor)
    this.order.put(actor)
  }

  /** A clean actor is about to change: it stays until it is in the store. */
  pinned(actor: Actor): void {
    this.order.remove(actor)
  }

  /** What a changed actor holds is in the store. */
  cleaned(actor: Actor): void {
    this.measure(actor)
    this.order.put(actor)
  }

  /**
   * Passivates the least used clean actors until the budget is kept. Only where nobody holds a
   * fragment: between entries, between decides.
   */
  makeRoom(): void {
    let passivated = 0
    while (this.objectBytes > this.budgetBytes && passivated < passivateAtOnce) {
      const actor = this.order.oldest()
      if (actor === null) break
      this.order.remove(actor)
      this.forget(actor)
      passivated++
    }
    if (passivated > 0) this.observer.passivated(passivated)
  }

  /** The actor's shard is no longer held; what it knows is in other replicas. */
  discard(actor: Actor): void {
    if (actor.state === 'clean') this.order.remove(actor)
    this.objectBytes -= actor.bytes
    this.active--
    release(actor.fragment, this.arena)
  }

  private forget(actor: Actor): void {
    actor.home.delete(actor.fragment.identifier)
    this.objectBytes -= actor.bytes
    this.active--
    this.passivated++
    release(actor.fragment, this.arena)
  }

  private measure(actor: Actor): void {
    const bytes = heldBytes(actor.fragment)
    this.objectBytes += bytes - actor.bytes
    actor.bytes = bytes
  }
}
