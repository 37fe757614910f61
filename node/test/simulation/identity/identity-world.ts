import { type FragmentId, identifierIn, shardOf } from '@halfsecond/protocol'
import { Arena } from '../../../src/core/fragment/arena.ts'
import type { Fragment } from '../../../src/core/fragment/fragment.ts'
import { builtInRules } from '../../../src/core/identity/rules.ts'
import type { Link, Version } from '../../../src/core/identity/ties.ts'
import type { LogEntry } from '../../../src/core/shard/shard-state.ts'
import type { Signal } from '../../../src/core/shard/signal.ts'
import { Dice } from '../dice.ts'
import type { History, Step } from './history.ts'
import { IdentityReplica } from './identity-replica.ts'
import type { Violation } from './laws.ts'
import { Messages, type Publish } from './messages.ts'
import { shardCount } from './people.ts'
import type { ReachedStates } from './reached.ts'
import { ShardLogs, type Told } from './shard-logs.ts'
import { strictRules, strictText } from './strict-rules.ts'

/** A wrong program: what it does to what a primary publishes, and to a replica that has folded. */
export interface Plant {
  /** A world begins. */
  readonly began?: () => void
  /** The batch as the wrong program publishes it; undefined: not at all. */
  readonly publish?: Publish
  readonly folded?: (replica: IdentityReplica) => void
}

/** Things that are done until nothing is under way; a world that needs more never comes to rest. */
const settlingMax = 4_000

/** Blocks are given back after each history, so one arena serves them all. */
const arena = new Arena()

/** Four shards with their logs, each folded by one replica whose node leads it. */
export class IdentityWorld {
  readonly replicas: IdentityReplica[]
  /** By fragment: the record that took all from it last. */
  readonly erasedBy = new Map<FragmentId, Version>()
  /** The strictest rules that were applied. */
  rules = builtInRules
  /** Whether any link was ever refused. */
  hasRefused = false
  /** What was found wrong while it went on. */
  wrong: Violation | undefined
  private readonly logs: ShardLogs
  private readonly messages: Messages
  private readonly dice: Dice
  private readonly plant: Plant
  private readonly reached: ReachedStates
  /** Records that may make a shard forget a fragment, by its number and theirs. */
  private readonly expires = new Map<string, FragmentId>()
  /** Links that were refused by a limit, with their time. */
  private readonly overLimit = new Set<string>()
  /** By fragment: how many erases reached it. */
  private readonly erases = new Map<FragmentId, number>()
  private isJudged = true

  constructor({ seed, skewsMs }: History, plant: Plant, reached: ReachedStates) {
    plant.began?.()
    this.plant = plant
    this.reached = reached
    this.dice = new Dice(seed ^ 0x5e771e)
    this.logs = new ShardLogs(skewsMs)
    this.messages = new Messages(this.logs, (shard) => this.replica(shard), plant.publish)
    this.replicas = Array.from({ length: shardCount }, (_, shard) => newReplica(shard))
  }

  apply(step: Step): void {
    const { logs, messages, reached } = this
    switch (step.kind) {
      case 'tell':
        logs.nowMs = step.nowMs
        logs.tell(step.records)
        break
      case 'again':
        logs.tellAgain(step.which)
        break
      case 'fold':
        for (let i = 0; i < step.count; i++) this.fold(step.shard)
        break
      case 'publish':
      case 'confirm':
      case 'keep':
        messages[step.kind](step.which)
        break
      case 'late':
        if (messages.publishKept(step.which)) reached.count('late-messages')
        break
      case 'restart':
        this.restart(step.shard, step.by)
        break
      case 'expire':
        this.expire(step.id, step.idleMs)
        break
      case 'clock':
        logs.setClock(step.shard, step.skewMs)
        break
      case 'rules':
        this.applyRules()
        break
      case 'settle':
        this.settle()
        break
    }
  }

  /** Lets everything arrive, in any order. */
  settle(): void {
    for (let done = 0; done < settlingMax; done++) if (!this.settleOne() && !this.judgeAll()) return
    const what = `after ${settlingMax} entries and messages there are still more`
    this.wrong ??= { law: 'it comes to rest', what }
  }

  /** Folds all that is in logs; what follows from it is not sent yet. */
  foldAll(): void {
    for (let shard = 0; shard < shardCount; shard++) while (this.hasMore(shard)) this.fold(shard)
  }

  /** A replica that begins with nothing and folds what the shard's log has up to this entry. */
  refolded(shard: number, upTo: number): IdentityReplica {
    const replica = newReplica(shard)
    for (const entry of this.logs.entries(shard).slice(0, upTo)) {
      replica.fold(entry)
      this.plant.folded?.(replica)
    }
    return replica
  }

  entries(shard: number): readonly LogEntry[] {
    return this.logs.entries(shard)
  }

  /** What channels told, less what was put aside. */
  get told(): readonly Told[] {
    const aside = this.replicas.map(({ letters }) => letters)
    if (aside.every(({ length }) => length === 0)) return this.logs.told
    return this.logs.told.filter(
      ({ shard, sequence, index }) =>
        !aside[shard]?.some((one) => one.sequence === sequence && one.index === index),
    )
  }

  /** What other systems were told. */
  get signals(): Iterable<Signal> {
    return this.messages.signals.values()
  }

  replica(shard: number): IdentityReplica {
    const replica = this.replicas[shard]
    if (replica === undefined) throw new RangeError(`no shard ${shard}`)
    return replica
  }

  /** The replica that holds a fragment. */
  replicaOf(id: FragmentId): IdentityReplica {
    return this.replica(homeOf(id))
  }

  /** The fragment at its home. */
  fragment(id: FragmentId): Fragment | undefined {
    return this.replicaOf(id).fragments.get(id)
  }

  /** A copy of it, as its home would make it now. */
  copyOf(id: FragmentId): Uint8Array | undefined {
    return this.replicaOf(id).copyOf(id, id)
  }

  /** Gives memory back. */
  end(): void {
    for (const replica of this.replicas) replica.end()
  }

  private fold(shard: number): void {
    const replica = this.replica(shard)
    const entry = this.logs.entries(shard)[replica.state.applied]
    if (entry === undefined) return
    replica.fold(entry)
    this.note(replica, entry.sequence)
    this.plant.folded?.(replica)
  }

  private hasMore(shard: number): boolean {
    return this.replica(shard).state.applied < this.logs.entries(shard).length
  }

  /** Notes what was erased, which an entry's effects tell. */
  private note({ state, fragments, touched }: IdentityReplica, sequence: number): void {
    const { shard } = state
    const whole = { sequence, index: Number.POSITIVE_INFINITY }
    for (const id of touched) {
      if (this.expires.get(`${shard} ${sequence}`) === id) {
        this.erasedBy.set(id, whole)
        this.reached.count('expired-fragments')
      }
      const ties = fragments.get(id)?.ties
      for (const [to, link] of ties?.links ?? []) this.noteLink(`${id} ${to} ${link.since}`, link)
      const erases = ties?.tomb?.erasures
      if (erases === undefined || erases.size === this.erases.get(id)) continue
      this.erases.set(id, erases.size)
      const own = this.toldIn(shard, sequence, [...erases.keys()].at(-1))
      this.erasedBy.set(id, own ?? whole)
    }
    touched.clear()
  }

  private noteLink(name: string, { state, isOverLimit }: Link): void {
    this.hasRefused ||= state === 'refused'
    if (isOverLimit) this.overLimit.add(name)
    else if (this.overLimit.delete(name) && state === 'valid')
      this.reached.count('reinstated-links')
  }

  private toldIn(shard: number, sequence: number, id: string | undefined): Told | undefined {
    return this.logs.told.findLast(
      (one) => one.record.id === id && one.shard === shard && one.sequence === sequence,
    )
  }

  private expire(id: FragmentId, idleMs: number): void {
    const { logs } = this
    const shard = homeOf(id)
    const idleSince = Math.max(0, logs.nowMs - idleMs)
    const epoch = logs.epochOf(shard)
    const { sequence } = logs.own(shard, { kind: 'expire', epoch, id, idleSince })
    this.expires.set(`${shard} ${sequence}`, id)
  }

  private applyRules(): void {
    const { version } = strictRules
    for (let shard = 0; shard < shardCount; shard++) {
      const epoch = this.logs.epochOf(shard)
      this.logs.own(shard, { kind: 'identity', epoch, version, text: strictText })
    }
    this.isJudged &&= this.rules === strictRules
    this.rules = strictRules
  }

  /** Profiles that nothing changes since new rules hold are judged by them when it is said so. */
  private judgeAll(): boolean {
    if (this.isJudged) return false
    this.isJudged = true
    for (const { state, fragments } of this.replicas) {
      const epoch = this.logs.epochOf(state.shard)
      for (const id of fragments.keys()) this.logs.own(state.shard, { kind: 'judge', epoch, id })
    }
    return true
  }

  /** What a primary published and did not write down is forgotten; what the log has is not. */
  private restart(shard: number, by: 'log' | 'rows'): void {
    const dead = this.replica(shard)
    const next = by === 'rows' ? dead.fromRows() : this.refolded(shard, dead.state.applied)
    const what = `shard ${shard} has another state than its ${by} at ${dead.state.applied}`
    if (next.summary() !== dead.summary())
      this.wrong ??= { law: 'the same log gives the same state', what }
    dead.end()
    next.touched.clear()
    this.replicas[shard] = next
    this.messages.forget(shard)
    this.logs.nextPrimary(shard)
    this.reached.count('restarts')
  }

  /** Does one of the things that are left to do, whichever the dice choose. */
  private settleOne(): boolean {
    const { dice, messages } = this
    const turn = dice.below(shardCount)
    const isMessage = dice.chance(0.3)
    for (let i = 0; i < shardCount; i++) {
      const shard = (turn + i) % shardCount
      if (isMessage && messages.sendOne(shard, dice)) return true
      if (!this.hasMore(shard)) continue
      this.fold(shard)
      return true
    }
    for (let i = 0; i < shardCount; i++)
      if (messages.sendOne((turn + i) % shardCount, dice)) return true
    return false
  }
}

function homeOf(id: FragmentId): number {
  return shardOf(identifierIn(id), shardCount)
}

function newReplica(shard: number): IdentityReplica {
  return new IdentityReplica(shard, shardCount, arena)
}
