import { type FragmentId, HalfsecondError, identifierIn, shardOf } from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import { addTallies, emptyTally, type TrialTally, tryOne } from '../../core/decision/trial.ts'
import type { FeatureSet } from '../../core/features/feature-set.ts'
import { Arena } from '../../core/fragment/arena.ts'
import { type Fragment, holdsNothing, release } from '../../core/fragment/fragment.ts'
import { decodeFragment, identifierInRow } from '../../core/fragment/fragment-row.ts'
import { type Near, rootedProfile } from '../../core/profile/rooted-profile.ts'
import { type Pulse, pulse } from '../identity/pulse.ts'
import type { Calendar, Clock, Store } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import type { StagedPlaybooks } from './staged-playbooks.ts'

/** What is asked of whoever holds a shard. */
export interface TrialRead {
  readonly what: 'playbookTrial'
  readonly shard: number
  /** Of the text that is tried. */
  readonly hash: string
  /** Timelines to try it on, at most. */
  readonly count: number
  /** The time to decide at, in milliseconds since 1970. */
  readonly now: number
  /** What is not done by then is left out. */
  readonly forMs: number
}

/** Fragments looked at for each timeline: most of a person's are not where the person is decided for. */
const membersMax = 4

/** A turn of the loop: decides in between wait no longer. */
const turnMs = 4

/** Actors looked at in one turn: less than a millisecond. */
const lookedAtOnce = 5_000

/** Rows read where memory has fewer timelines than are asked for, as after a restart. */
const rowsMax = 4_096
const rowsAtOnce = 64

export interface PlaybookTrialsDependencies {
  /** By number; undefined for those that other nodes hold. */
  readonly shards: readonly (Shard | undefined)[]
  readonly store: Pick<Store, 'shard'>
  readonly staged: StagedPlaybooks
  /** What a shard decides by; undefined before there is one. */
  readonly playbookOf: (shard: Shard) => Playbook | undefined
  readonly calendar: Calendar
  readonly clock: Clock
}

interface Seen {
  readonly id: FragmentId
  readonly sequence: number
}

/** Decides for persons of a shard by another playbook than the active one. Changes nothing. */
export class PlaybookTrials {
  private readonly uses: PlaybookTrialsDependencies
  /** Memory for rows that are only looked at. */
  private readonly scratch = new Arena()

  constructor(uses: PlaybookTrialsDependencies) {
    this.uses = uses
  }

  /**
   * One tally, of those whose timelines changed last; those that left memory come in any order.
   * Rejects with `MOVED` where the shard is not here, or as getting the playbook ready does.
   */
  async *run(request: TrialRead): AsyncGenerator<TrialTally | Pulse> {
    const { clock } = this.uses
    const end = clock.monotonic() + request.forMs
    const shard = this.held(request.shard)
    const present = this.uses.playbookOf(shard)
    const { playbook } = await this.uses.staged.get(request.hash)
    yield pulse
    if (present === undefined) {
      yield emptyTally
      return
    }
    let tally = emptyTally
    let turnEnd = clock.monotonic() + turnMs
    for (const { id } of await this.newest(shard, request.count * membersMax)) {
      if (clock.monotonic() > end || tally.timelines + tally.partial >= request.count) break
      const fragment = this.held(shard.number).read(id)
      if (fragment && !holdsNothing(fragment))
        tally = addTallies(tally, this.tryOn(fragment, shard, present, playbook, request.now))
      if (clock.monotonic() < turnEnd) continue
      await this.turn()
      turnEnd = clock.monotonic() + turnMs
      yield pulse
    }
    yield tally
  }

  private tryOn(
    fragment: Fragment,
    shard: Shard,
    present: Playbook,
    next: Playbook,
    now: number,
  ): TrialTally {
    const before = this.profileOf(fragment, shard, present.features, now)
    const after = this.profileOf(fragment, shard, next.features, now)
    if (before === undefined || after === undefined) return emptyTally
    if (!before.features.isWhole || !after.features.isWhole) return { ...emptyTally, partial: 1 }
    return tryOne(
      { profile: before, playbook: present },
      { profile: after, playbook: next },
      this.uses.calendar,
      now,
    )
  }

  private profileOf(fragment: Fragment, shard: Shard, set: FeatureSet, now: number) {
    const ground = {
      read: (id: FragmentId) => shard.read(id),
      facts: shard.memory,
      rules: shard.state.identity.rules,
      set,
      latest: now,
    }
    return rootedProfile(fragment, ground, (id) => this.near(id))
  }

  private near(id: FragmentId): Near | undefined {
    const { shards } = this.uses
    const home = shards[shardOf(identifierIn(id), shards.length)]
    const fragment = home?.status === 'following' ? home.read(id) : undefined
    return home && fragment ? { fragment, facts: home.memory } : undefined
  }

  /** Those that the log changed last, first. */
  private async newest(shard: Shard, count: number): Promise<readonly Seen[]> {
    const seen = new Map<FragmentId, Seen>()
    let looked = 0
    for (const { identifier, sequence } of shard.memory.resident()) {
      seen.set(identifier, { id: identifier, sequence })
      if (++looked % lookedAtOnce === 0) await this.turn()
    }
    if (seen.size < count)
      for await (const one of this.inRows(shard)) if (!seen.has(one.id)) seen.set(one.id, one)
    return [...seen.values()].sort((a, b) => b.sequence - a.sequence).slice(0, count)
  }

  /** Some that the store has, in no order. Whoever is in memory too may be older here. */
  private async *inRows(shard: Shard): AsyncGenerator<Seen> {
    const store = this.uses.store.shard(shard.number)
    let after: Uint8Array | undefined
    for (let read = 0; read < rowsMax; ) {
      const rows = store.fragments(after, rowsAtOnce)
      for (const { key, row } of rows) {
        after = key
        const id = identifierInRow(row)
        if (id === undefined) continue
        const fragment = decodeFragment(id, row, this.scratch, null)
        yield { id, sequence: fragment.sequence }
        release(fragment, this.scratch)
      }
      if (rows.length < rowsAtOnce) return
      read += rows.length
      await this.turn()
      if (this.held(shard.number) !== shard) return
    }
  }

  private held(number: number): Shard {
    const shard = this.uses.shards[number]
    if (shard) return shard
    throw new HalfsecondError('MOVED', `this node does not hold shard ${number}`)
  }

  private turn(): Promise<void> {
    return new Promise((resolve) => this.uses.clock.soon(resolve))
  }
}
