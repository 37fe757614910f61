import type { FragmentId } from '@halfsecond/protocol'
import { type Fragment, heldBytes } from '../../core/fragment/fragment.ts'

/*
 *            changed                     cut            encoded
 *   clean ────────────► dirty ─────────────► cut ───────────────► written
 *     ▲                  ▲  ▲                 │ about to change:     │   │
 *     │                  │  └─────────────────┴─ encoded first ──────┘   │
 *     │                  └──────────── changed ◄─────────────────────────┤
 *     └──────────────────────────────── committed ◄──────────────────────┘
 *
 * Only clean actors may be passivated: everything else has facts that the store lacks.
 */
export type ActorState = 'clean' | 'dirty' | 'cut' | 'written'

/** One identifier's activation in memory. */
export class Actor {
  readonly fragment: Fragment
  /** The actors of its shard, where it is found by its identifier. */
  readonly home: Map<FragmentId, Actor>
  state: ActorState = 'clean'
  /** Size at the last look, as counted against the budget. */
  bytes: number
  /** Place in the order of passivation; owned by `SegmentedLru`. */
  segment: 'none' | 'probation' | 'protected' = 'none'
  newer: Actor | null = null
  older: Actor | null = null
  /** How often it was asked for since it was activated, by records and by decides. */
  uses = 0

  constructor(fragment: Fragment, home: Map<FragmentId, Actor>) {
    this.fragment = fragment
    this.home = home
    this.bytes = heldBytes(fragment)
  }
}
