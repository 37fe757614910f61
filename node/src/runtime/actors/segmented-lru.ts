import type { Actor } from './actor.ts'

/** Share of the budget that actors asked for twice may keep; a scan cannot push those out. */
const protectedShare = 0.8

interface Segment {
  newest: Actor | null
  oldest: Actor | null
  bytes: number
}

/**
 * Order in which clean actors are passivated (segmented LRU: Karedla et al., 1994). New ones are on
 * probation; a second use moves them to the protected segment, whose oldest fall back.
 */
export class SegmentedLru {
  private readonly probation: Segment = { newest: null, oldest: null, bytes: 0 }
  private readonly protected: Segment = { newest: null, oldest: null, bytes: 0 }
  private readonly protectedMax: number

  constructor(budgetBytes: number) {
    this.protectedMax = budgetBytes * protectedShare
  }

  /** The actor became clean, or was used while clean: it is the newest of its segment. */
  put(actor: Actor): void {
    this.remove(actor)
    if (actor.uses > 1) {
      push(this.protected, actor)
      actor.segment = 'protected'
      this.demote()
    } else {
      push(this.probation, actor)
      actor.segment = 'probation'
    }
  }

  /** The actor may not be passivated any more. */
  remove(actor: Actor): void {
    if (actor.segment === 'none') return
    unlink(actor.segment === 'protected' ? this.protected : this.probation, actor)
    actor.segment = 'none'
  }

  /** The next actor to passivate, or null where no actor may be. */
  oldest(): Actor | null {
    return this.probation.oldest ?? this.protected.oldest
  }

  private demote(): void {
    while (this.protected.bytes > this.protectedMax) {
      const { oldest } = this.protected
      if (oldest === null || oldest === this.protected.newest) return
      unlink(this.protected, oldest)
      push(this.probation, oldest)
      oldest.segment = 'probation'
    }
  }
}

function push(segment: Segment, actor: Actor): void {
  actor.older = segment.newest
  actor.newer = null
  if (segment.newest) segment.newest.newer = actor
  segment.newest = actor
  segment.oldest ??= actor
  segment.bytes += actor.bytes
}

function unlink(segment: Segment, actor: Actor): void {
  if (actor.newer) actor.newer.older = actor.older
  else segment.newest = actor.older
  if (actor.older) actor.older.newer = actor.newer
  else segment.oldest = actor.newer
  actor.newer = null
  actor.older = null
  segment.bytes -= actor.bytes
}
