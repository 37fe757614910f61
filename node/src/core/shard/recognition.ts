import {
  type FragmentId,
  type GrantRecord,
  identifierIn,
  type OutboxRecord,
  type OutcomeRecord,
  type SegmentRecord,
  shardOf,
} from '@halfsecond/protocol'
import type { Logged } from '../fragment/evolve.ts'
import type { Fragment } from '../fragment/fragment.ts'
import { newestCopy } from '../identity/copies-below.ts'
import type { EraseGround } from '../identity/erase.ts'
import { expire } from '../identity/expire.ts'
import type { Message, ProfileChange } from '../identity/identity-ground.ts'
import { forgetAnswers } from '../identity/judge-profile.ts'
import { receive } from '../identity/receive.ts'
import { rejudge, revise } from '../identity/revise.ts'
import type { IdentityRules } from '../identity/rules.ts'
import type { Copy, CopyLink } from '../identity/ties.ts'
import { readCopy } from '../profile/copy.ts'
import { takeSegment } from '../segment/take-segment.ts'
import { learn, learnGrant } from './learn.ts'
import type { LogEntry, ShardGround, ShardState } from './shard-state.ts'
import { asideSignal, type Signal, signalDestination, signalsMax, signalsOf } from './signal.ts'

/**
 * What one entry of the log does to how fragments are tied to each other. Records change ties at
 * once; what others must hear of it follows once, at the end of the entry.
 */
export class Recognition implements EraseGround {
  readonly rules: IdentityRules
  readonly facts: ShardGround
  private readonly state: ShardState
  private readonly entry: Pick<LogEntry, 'sequence' | 'timestamp'>
  /** Fragments to revise, and whether more than their own facts changed. */
  private readonly touched = new Map<FragmentId, boolean>()

  constructor(
    state: ShardState,
    entry: Pick<LogEntry, 'sequence' | 'timestamp'>,
    ground: ShardGround,
  ) {
    this.state = state
    this.entry = entry
    this.facts = ground
    this.rules = state.identity.rules
  }

  get foldVersion(): number {
    return this.state.foldVersion
  }

  send(message: Message): void {
    const destination = shardOf(identifierIn(message.to), this.state.shards)
    this.state.outbox.put(destination, message, this.facts.outboxChanged)
  }

  /** Other systems hear of it, each of them in its place; those that too many wait before are put aside. */
  tell(change: ProfileChange): void {
    this.facts.profileChanged(change)
    this.tellSignals(signalsOf(change, this.entry.timestamp))
  }

  private tellSignals(signals: Iterable<Signal>): void {
    const { outbox, shards } = this.state
    const { sequence } = this.entry
    const destination = signalDestination(shards)
    for (const signal of signals) {
      if (outbox.sizeOf(destination) < signalsMax)
        outbox.put(destination, signal, this.facts.outboxChanged)
      else
        this.facts.deadLetter({ sequence, index: -1, reason: untold, bytes: asideSignal(signal) })
    }
  }

  /** The fragment changed: what others must hear of it follows at the end of the entry. */
  changed(fragment: Fragment, isStructural: boolean): void {
    this.facts.changed(fragment)
    if (fragment.ties === null) return
    const id = fragment.identifier
    this.touched.set(id, isStructural || this.touched.get(id) === true)
  }

  /** The record has become part of the fragment: what it teaches is counted. */
  learn(fragment: Fragment, record: OutcomeRecord | GrantRecord, logged: Logged): void {
    if (record.kind === 'grant') learnGrant(this.state, record, logged, this.facts)
    else learn(this.state, fragment, record, logged, this.facts)
  }

  /** Something that another shard tells a fragment of this one. */
  receive(record: OutboxRecord, sequence: number, index: number, timestamp: number): boolean {
    const fragment = this.facts.activate(record.to)
    const copy = record.kind === 'copy' ? readCopy(record.fragment) : undefined
    const before = copy && newestCopy(fragment.ties, copy.id)
    const isOpenAgain = copy !== undefined && forgetAnswers(fragment.ties, copy, this)
    if (!receive(fragment, record, copy, timestamp, this)) return false
    // These change what copies of it say.
    if (record.kind === 'refuse' || record.kind === 'reinstate' || record.kind === 'erase')
      setVersion(fragment, sequence, index)
    // Most copies bring facts only, which join nobody: a root with many members need not judge them.
    const after = copy && newestCopy(fragment.ties, copy.id)
    this.changed(fragment, isOpenAgain || !before || !after || !hasSameLinks(before, after))
    return true
  }

  /** The rules changed: the root `id` judges its profile anew. */
  rejudge(id: FragmentId): void {
    const fragment = this.facts.activate(id)
    rejudge(fragment, this)
    this.facts.changed(fragment)
  }

  /** The fragment is forgotten, if nothing was written to it since. */
  expire(id: FragmentId, idleSince: number, sequence: number): void {
    const fragment = this.facts.activate(id)
    if (!expire(fragment, idleSince, this)) return
    setVersion(fragment, sequence, 0)
    this.changed(fragment, true)
  }

  /** The profile of a root entered a segment, or left it: other systems hear of it, once. */
  segment(record: SegmentRecord): void {
    const fragment = this.facts.activate(record.id)
    const told = takeSegment(fragment, record, this.entry.timestamp)
    if (told === undefined) return
    this.facts.changed(fragment)
    this.tellSignals(told)
  }

  /** Ends the entry. */
  finish(): void {
    for (const [id, isStructural] of this.touched) {
      const fragment = this.facts.activate(id)
      revise(fragment, isStructural, this)
      this.facts.changed(fragment)
    }
    this.touched.clear()
  }
}

function hasSameLinks(one: Copy, other: Copy): boolean {
  return areSame(one.links, other.links) && areSame(one.overLimit, other.overLimit)
}

function areSame(links: readonly CopyLink[], others: readonly CopyLink[]): boolean {
  return (
    links.length === others.length &&
    links.every(({ to, since }, i) => to === others[i]?.to && since === others[i]?.since)
  )
}

const untold = `UNAVAILABLE: ${signalsMax} signals wait already; other systems are not told of this one`

export function setVersion(fragment: Fragment, sequence: number, index: number): void {
  fragment.sequence = sequence
  fragment.index = index
}
