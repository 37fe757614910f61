import type { FragmentId, Namespaces } from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import { Arena } from '../../core/fragment/arena.ts'
import { release } from '../../core/fragment/fragment.ts'
import { decodeFragment, identifierInRow } from '../../core/fragment/fragment-row.ts'
import { branchOf } from '../../core/profile/branch.ts'
import { isSomebody, membersOfRoot, profileOfRoot } from '../../core/segment/root-profile.ts'
import { segmentChanges } from '../../core/segment/segment-changes.ts'
import { isRoot } from '../../core/segment/take-segment.ts'
import type { Calendar, Clock, FragmentRow, Store } from '../ports.ts'
import type { Primary } from '../shards/primary.ts'
import type { Shard } from '../shards/shard.ts'

/**
 * Rows that are looked at in one step, of which there are about ten a second: a round through
 * 1,200,000 takes ten minutes.
 */
const rowsPerStep = 200

/** Time that a step takes from decides and folds: a tenth of a core. The rest of it waits. */
const stepMs = 10

/** … in pieces, between which others have their turn. */
const rowsPerPiece = 20

/** After a round it rests for so long: whoever enters or leaves by time alone is found that late. */
const restMs = 60_000

export interface SweepDependencies {
  readonly shards: readonly Shard[]
  readonly leaders: () => readonly Pick<Primary, 'number'>[]
  readonly playbookOf: (
    shard: Shard,
  ) => { readonly version: number; readonly playbook: Playbook } | undefined
  readonly store: Store
  readonly calendar: Calendar
  readonly clock: Clock
  readonly namespaces: () => Namespaces
}

/**
 * Walks through the rows of the shards that this node leads, again and again, for whom a segment
 * changes by time alone, or by a new playbook. Rows may be older than their fragments, so what it
 * finds is only a reason to look properly.
 */
export class Sweep {
  private readonly uses: SweepDependencies
  /** Memory for rows that are only read. */
  private readonly scratch = new Arena()
  /** Shards of this round that are still to come, and how far the first of them is. */
  private left: number[] = []
  private after: Uint8Array | undefined
  private restsUntil = Number.NEGATIVE_INFINITY
  /** By shard: the version that a whole round was made with. */
  private readonly made = new Map<number, number>()
  /** … and the one that this round was begun with. */
  private begun = 0

  constructor(uses: SweepDependencies) {
    this.uses = uses
  }

  /** Some were written to and not looked at: the next round does not wait. */
  hurry(): void {
    this.restsUntil = Number.NEGATIVE_INFINITY
  }

  /** Goes on for a moment. @param suspect told whom to look at */
  async step(suspect: (shard: Shard, id: FragmentId) => void): Promise<void> {
    const { clock } = this.uses
    const end = clock.monotonic() + stepMs
    for (let left = rowsPerStep; left > 0 && clock.monotonic() < end; left -= rowsPerPiece) {
      const shard = this.next()
      if (shard === undefined) return
      this.piece(shard, suspect)
      await new Promise<void>((resolve) => clock.soon(resolve))
    }
  }

  /** The shard that is walked through now; undefined while it rests. */
  private next(): Shard | undefined {
    const { clock, leaders, shards } = this.uses
    const led = leaders().map(({ number }) => number)
    if (this.left.length === 0) {
      const isRested = clock.monotonic() >= this.restsUntil
      this.left = led.filter((number) => this.isDue(number, isRested)).sort((a, b) => a - b)
      this.after = undefined
    }
    while (this.left.length > 0) {
      const [number] = this.left
      const shard = shards.find((one) => one.number === number)
      const active = shard && this.uses.playbookOf(shard)
      if (shard && active && led.includes(shard.number)) {
        if (this.after === undefined) this.begun = active.version
        return shard
      }
      this.end()
    }
    return undefined
  }

  /** Without segments there is one round, for whoever is still in one of an earlier playbook. */
  private isDue(number: number, isRested: boolean): boolean {
    const shard = this.uses.shards.find((one) => one.number === number)
    const active = shard && this.uses.playbookOf(shard)
    if (active === undefined) return false
    if (this.made.get(number) !== active.version) return true
    return isRested && active.playbook.segments.length > 0
  }

  private end(): void {
    this.left.shift()
    this.after = undefined
    if (this.left.length === 0) this.restsUntil = this.uses.clock.monotonic() + restMs
  }

  private piece(shard: Shard, suspect: (shard: Shard, id: FragmentId) => void): void {
    const rows = this.uses.store.shard(shard.number).fragments(this.after, rowsPerPiece)
    for (const row of rows) {
      const id = this.suspected(shard, row)
      if (id !== undefined) suspect(shard, id)
    }
    this.after = rows.at(-1)?.key
    if (rows.length === rowsPerPiece) return
    this.made.set(shard.number, this.begun)
    this.end()
  }

  /** Whose row says that a segment changes, or does not say all. */
  private suspected(shard: Shard, { row }: FragmentRow): FragmentId | undefined {
    const active = this.uses.playbookOf(shard)
    const id = identifierInRow(row)
    if (id === undefined || active === undefined) return undefined
    const { playbook } = active
    const set = playbook.features
    const fragment = decodeFragment(id, row, this.scratch, set)
    try {
      if (!isRoot(fragment)) return undefined
      const { segments } = fragment
      if (playbook.segments.length === 0) return segments === null ? undefined : id
      const facts = { arena: this.scratch, chunks: shard.memory.chunks }
      const { rules } = shard.state.identity
      const now = this.uses.clock.now()
      const branch = branchOf(fragment, { read: () => undefined, facts, rules, set, latest: now })
      const members = membersOfRoot(branch)
      if (members === undefined) return undefined
      const profile = isSomebody(branch, members) ? profileOfRoot(branch, members, set) : undefined
      if (profile?.features.isWhole === false) return id
      const changes = segmentChanges(segments, profile, playbook, this.uses.calendar, now)
      return changes.length > 0 ? id : undefined
    } finally {
      release(fragment, this.scratch)
    }
  }
}
