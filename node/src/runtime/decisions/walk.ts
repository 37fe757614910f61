import {
  bounds,
  type FragmentId,
  greatest,
  HalfsecondError,
  type Identifier,
  identifierIn,
  isFields,
  type Namespaces,
  shardOf,
  type WirePosition,
} from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import type { FeatureSet } from '../../core/features/feature-set.ts'
import type { Copy } from '../../core/identity/ties.ts'
import { partOf } from '../../core/profile/copy.ts'
import { membersOf } from '../../core/profile/seen-profile.ts'
import type { Clock } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { type AskedAtRoot, AtRoot } from './at-root.ts'
import { BranchReader } from './branch-reader.ts'
import { answering, hold, positionIn, positionOf } from './held-shards.ts'
import { after, type Maybe } from './maybe.ts'
import {
  type ApartAnswer,
  type BranchAnswer,
  type BranchQuestion,
  edgesMax,
  type OnwardQuestion,
  type VisitorQuestion,
} from './peer-messages.ts'
import type { Peers } from './peers.ts'
import { Pending } from './pending.ts'
import type { Found, Profiler } from './profiler.ts'
import { toldBranch, toldGathering } from './told-parts.ts'
import { type Stop, Visit } from './visit.ts'

/** How long other homes may take to tell a branch; after that copies have to do. */
const branchMs = 20

/** How long a key's home may take where a question went to the root; then it is asked at that home. */
const homeMs = 60

/** Of the time that is left, what a question may take elsewhere: the rest is for answering without. */
const passedShare = 0.8

export interface WalkDependencies {
  /** The shards that this node holds, by number. */
  readonly shards: readonly (Shard | undefined)[]
  readonly peers: Pick<Peers, 'branch' | 'passOn'>
  readonly profiler: Profiler
  readonly clock: Clock
  readonly namespaces: () => Namespaces
  /** What a shard decides by. @throws HalfsecondError `UNAVAILABLE` without a playbook */
  readonly playbookOf: (shard: Shard) => { readonly version: number; readonly playbook: Playbook }
}

/** What a question comes to where its walk ends. */
export interface Ending extends Found {
  /** Where a shard is of which the question had a position of an earlier life. */
  readonly reset: WirePosition | undefined
}

/** What becomes of a question where its walk ends. */
export interface Ends<T> {
  readonly answer: (ending: Ending) => Maybe<T>
  /** Passes the question on to whoever holds the shard; without it branches are fetched instead. */
  readonly passOn?: (
    shard: number,
    onward: OnwardQuestion,
    leftMs: number,
    reset: WirePosition | undefined,
  ) => Promise<T | ApartAnswer | undefined>
}

/**
 * Brings together what is known of one person: enters at the greatest identifier that was named,
 * collects what is newer elsewhere, and goes to the greatest that anything collected is or links
 * to, again and again. Each step leads upwards in the static order of identifiers, so it ends; who
 * is last has the whole profile.
 *
 * W1 a home that does not answer costs freshness, never the answer.
 * W2 the answer is about whom the question named first: a root that has not got them is left alone.
 * W3 where all shards are here no promise is made, unless a position has to be waited for.
 */
export class Walk {
  private readonly uses: WalkDependencies
  private readonly reader: BranchReader
  private readonly atRoot: AtRoot

  constructor(uses: WalkDependencies) {
    this.uses = uses
    this.reader = new BranchReader(uses)
    this.atRoot = new AtRoot(uses, this.reader)
  }

  /** A question as a channel asked it. @throws HalfsecondError where it cannot be entered here */
  start<T>(question: VisitorQuestion, ends: Ends<T>): Maybe<T> {
    const { shards, clock } = this.uses
    const namespaces = this.uses.namespaces()
    const startedAt = clock.monotonic()
    const key = keyOf(question, namespaces)
    const pending = Pending.read(question.pending, namespaces)
    const home = shardOf(key, shards.length)
    const host = question.root === undefined ? undefined : answering(shards, question.root)
    if (host !== undefined && answering(shards, home) === undefined) {
      const asked = { question, key, pending, namespaces, startedAt }
      return after(this.reached(host, question), (isReached) =>
        after(this.startAtRoot(asked, host, isReached, ends), notApart),
      )
    }
    const shard = hold(shards, home)
    const { isReset } = positionIn(question.positions, shard)
    const reached = this.reached(shard, question)
    return after(reached, (isReached) => {
      const now = reached === true ? startedAt : clock.monotonic()
      const isFresh = isReached && shard.isFreshAt(now)
      const reset = isReset ? positionOf(shard) : undefined
      const alone = this.reader.alone(shard, key, question.identifiers, pending)
      if (alone !== undefined) {
        const members = new Set([key])
        const versionOf = () => shard.read(key)
        return ends.answer({ shard, profile: alone, members, versionOf, isFresh, reset })
      }
      const branch = this.reader.now(shard, key, clock.now(), pending)
      const { id } = branch.own
      const visit = new Visit(question, id, id, pending, namespaces, startedAt)
      visit.reset = reset
      visit.arrive(branch, isFresh, shard)
      const asked = this.collect(visit, key)
      const climb = () => after(this.climb(visit, ends), notApart)
      return asked.length === 0 ? climb() : Promise.all(asked).then(climb)
    })
  }

  /**
   * A question that was sent to where its profile was found before, not to the home of its key.
   * What this root was handed answers it, or what the home tells: the answer is the same.
   */
  private startAtRoot<T>(
    asked: AskedAtRoot,
    host: Shard,
    isReached: boolean,
    ends: Ends<T>,
  ): Maybe<T | ApartAnswer> {
    const visit = this.atRoot.enter(asked, host, isReached && host.isFresh)
    return visit === undefined ? this.startByHome(asked, host, ends) : this.climb(visit, ends)
  }

  /** As if the question had come in at the home of its key, whose branch is fetched. */
  private async startByHome<T>(
    { question, key, pending, namespaces, startedAt }: AskedAtRoot,
    host: Shard,
    ends: Ends<T>,
  ): Promise<T | ApartAnswer> {
    const { peers, clock, shards } = this.uses
    const number = shardOf(key, shards.length)
    const position = question.positions.find(([one]) => one === number) ?? null
    const about = { id: key, at: clock.now(), position, pending: pending.batchesAbout(key) }
    const answer = await peers.branch(number, { kind: 'branch', ...about, deadline: homeMs })
    if (answer === undefined)
      throw new HalfsecondError('UNAVAILABLE', `the home of shard ${number} does not answer here`)
    const { id } = answer.branch
    const visit = new Visit(question, id, id, pending, namespaces, startedAt, host)
    visit.told(answer)
    await Promise.all(this.collect(visit, key))
    return this.climb(visit, ends)
  }

  /** A question that another node passes on. @throws HalfsecondError where it cannot go on here */
  continue<T>(onward: OnwardQuestion, ends: Ends<T>): Maybe<T | ApartAnswer> {
    const { shards, clock } = this.uses
    const namespaces = this.uses.namespaces()
    const shard = hold(shards, shardOf(identifierIn(onward.at), shards.length))
    const visit = Visit.of(onward, namespaces, clock.monotonic())
    return after(this.reached(shard, onward.question), (isReached) => {
      const branch = visit.ahead(this.reader.exactly(shard, onward.at), this.featuresOf(shard))
      visit.arrive(branch, isReached && shard.isFresh, shard)
      return this.climb(visit, ends)
    })
  }

  /** A branch, for another node. @throws HalfsecondError where it is not here */
  branch(question: BranchQuestion): Maybe<BranchAnswer> {
    const { shards, playbookOf } = this.uses
    const { id, at, position, deadline } = question
    const identifier = identifierIn(id)
    const shard = hold(shards, shardOf(identifier, shards.length))
    const pending = Pending.read(question.pending, this.uses.namespaces())
    const positions = position === null ? [] : [position]
    const { sequence, isReset } = positionIn(positions, shard)
    return after(reachedWithin(shard, sequence, deadline * passedShare), (isReached) => {
      const branch =
        at === null
          ? this.reader.exactly(shard, id)
          : this.reader.now(shard, identifier, at, pending)
      const { parts, isWhole } = toldBranch(branch, playbookOf(shard).version)
      return {
        kind: 'branch',
        branch: { id: branch.own.id, up: branch.up.slice(0, edgesMax), parts },
        isFresh: isReached && shard.isFresh && isWhole,
        isReset,
        position: positionOf(shard),
      }
    })
  }

  /**
   * Asks for what is newer at the homes of the other identifiers that were named. What is here is
   * read at once; the rest is under way.
   */
  private collect(visit: Visit, key: Identifier): readonly Promise<void>[] {
    const { shards, clock } = this.uses
    const { question, pending } = visit
    const now = clock.now()
    const asked: Promise<void>[] = []
    for (const identifier of new Set(question.identifiers)) {
      if (identifier === key) continue
      const number = shardOf(identifier, shards.length)
      const shard = answering(shards, number)
      if (shard === undefined) {
        if (!visit.knows(identifier, shards.length)) asked.push(this.ask(visit, identifier, now))
        continue
      }
      if (positionIn(question.positions, shard).isReset) visit.reset ??= positionOf(shard)
      const arrived = after(this.reached(shard, question), (isReached) => {
        const branch = this.reader.now(shard, identifier, now, pending)
        visit.arrive(branch, isReached && shard.isFresh, shard)
      })
      if (arrived instanceof Promise) asked.push(arrived)
    }
    return asked
  }

  private async ask(visit: Visit, identifier: Identifier, at: number): Promise<void> {
    const { peers, shards } = this.uses
    const number = shardOf(identifier, shards.length)
    const position = visit.question.positions.find(([one]) => one === number) ?? null
    const pending = visit.pending.batchesAbout(identifier)
    const question = { id: identifier, at, position, pending, deadline: branchMs }
    visit.told(await peers.branch(number, { kind: 'branch', ...question }))
  }

  private climb<T>(visit: Visit, ends: Ends<T>): Maybe<T | ApartAnswer> {
    for (;;) {
      const next = visit.next()
      const stop = visit.stopAt(next)
      if (stop !== undefined) return this.end(visit, next, stop, ends)
      if (visit.isBehind(next)) return this.apartOf(visit)
      if (!visit.climbs()) {
        visit.cannotReach(next)
        continue
      }
      const shard = answering(this.uses.shards, this.homeOf(next))
      if (shard === undefined) return this.climbElsewhere(visit, next, ends)
      const arrived = after(this.reached(shard, visit.question), (isReached) =>
        visit.arrive(this.reader.exactly(shard, next), isReached && shard.isFresh, shard),
      )
      if (arrived instanceof Promise) return arrived.then(() => this.climb(visit, ends))
    }
  }

  private async climbElsewhere<T>(
    visit: Visit,
    next: FragmentId,
    ends: Ends<T>,
  ): Promise<T | ApartAnswer> {
    const { startedAt, question } = visit
    const passedMs = this.uses.clock.monotonic() - startedAt
    const leftMs = (question.deadline - passedMs) * passedShare
    if (ends.passOn === undefined) {
      await this.fetch(visit, next, leftMs)
      return this.climb(visit, ends)
    }
    const onward = this.onwardOf(visit, next)
    const answer = await ends.passOn(this.homeOf(next), onward, leftMs, visit.reset)
    if (answer === undefined) visit.cannotReach(next)
    else if (!isApart(answer)) return answer
    else {
      for (const { copy, isAhead } of answer.parts) visit.gathering.addCopy(copy, isAhead)
      visit.gathering.refuse(next)
    }
    return this.climb(visit, ends)
  }

  /** Brings a branch here that is at home elsewhere. */
  private async fetch(visit: Visit, id: FragmentId, leftMs: number): Promise<void> {
    const { peers } = this.uses
    const question = { id, at: null, position: null, pending: [], deadline: leftMs }
    const answer = await peers.branch(this.homeOf(id), { kind: 'branch', ...question })
    const own = answer?.branch.parts.find(({ copy }) => copy.id === id)
    if (answer === undefined || own === undefined) return visit.cannotReach(id)
    const { shard } = visit
    const { parts, up } = answer.branch
    const branch = {
      own: partOf(own.copy.bytes, this.featuresOf(shard)),
      isAhead: own.isAhead,
      copies: parts.filter((part) => part !== own).map(({ copy }) => copy),
      parent: null,
      up,
      judged: null,
    }
    visit.arrive(branch, answer.isFresh, shard)
  }

  /** Whoever may connect the question to this root is heard before the root is left alone. */
  private end<T>(visit: Visit, at: FragmentId, stop: Stop, ends: Ends<T>): Maybe<T | ApartAnswer> {
    const { shard, branch } = stop
    const unknown = visit.unknown(branch)
    if (unknown.length > 0) return after(this.seek(visit, unknown), () => this.climb(visit, ends))
    const members = membersOf(branch, visit.gathering, shard.state.identity.rules)
    if (!members.has(visit.entered)) {
      visit.gathering.refuse(at)
      return this.climb(visit, ends)
    }
    this.atRoot.ended(visit.entered, at)
    const features = this.featuresOf(shard)
    return after(this.uses.profiler.profileOf(visit, stop, members, features), (found) =>
      ends.answer({ ...found, reset: visit.reset }),
    )
  }

  /** Asks for branches at their homes. */
  private seek(visit: Visit, ids: readonly FragmentId[]): Maybe<unknown> {
    const asked: Promise<void>[] = []
    for (const id of ids) {
      const number = this.homeOf(id)
      const shard = answering(this.uses.shards, number)
      if (shard) visit.arrive(this.reader.exactly(shard, id), shard.isFresh, shard)
      else {
        const question = { id, at: null, position: null, pending: [], deadline: branchMs }
        const answer = this.uses.peers.branch(number, { kind: 'branch', ...question })
        asked.push(answer.then((told) => visit.told(told)))
      }
    }
    return asked.length === 0 ? undefined : Promise.all(asked)
  }

  private onwardOf(visit: Visit, at: FragmentId): OnwardQuestion {
    const { question, entered, hops, gathering } = visit
    const { version } = this.uses.playbookOf(visit.shard)
    const given = visit.handedUp(at, this.homeOf(at))
    const { parts, isWhole } = toldGathering(gathering, () => true, given, version)
    const edges = gathering.allEdges().slice(0, edgesMax)
    const isFresh = visit.isFresh && isWhole
    // What is pending is in the parts by now.
    const asked = { ...question, pending: [] }
    return { kind: 'onward', question: asked, entered, at, parts, edges, isFresh, hops }
  }

  private apartOf({ gathering, entered, shard }: Visit): ApartAnswer {
    const together = gathering.connected(entered)
    const { version } = this.uses.playbookOf(shard)
    const { parts } = toldGathering(gathering, (id) => together.has(id), nothing, version)
    return { kind: 'apart', parts }
  }

  private featuresOf(shard: Shard): FeatureSet {
    return this.uses.playbookOf(shard).playbook.features
  }

  private homeOf(id: FragmentId): number {
    return shardOf(identifierIn(id), this.uses.shards.length)
  }

  /** Whether the fold has reached what the question demands of this shard, or does within a moment. */
  private reached(
    shard: Shard,
    { positions, deadline }: Pick<VisitorQuestion, 'positions' | 'deadline'>,
  ): Maybe<boolean> {
    const { sequence } = positionIn(positions, shard)
    return reachedWithin(shard, sequence, Math.min(bounds.positionWaitMs, deadline / 4))
  }
}

const nothing: ReadonlySet<Copy> = new Set()

function reachedWithin(shard: Shard, sequence: number, timeoutMs: number): Maybe<boolean> {
  return sequence <= shard.state.applied ? true : shard.reached(sequence, timeoutMs)
}

function isApart(answer: unknown): answer is ApartAnswer {
  return isFields(answer) && answer.kind === 'apart'
}

/** Where a question came in it is at home: its own fragment is always in its own profile. */
function notApart<T>(answer: T | ApartAnswer): T {
  if (isApart(answer))
    throw new HalfsecondError('UNAVAILABLE', 'a profile without its own fragment')
  return answer
}

/** The greatest identifier that a question names: where it comes in, and what its records are about. */
export function keyOf({ identifiers }: VisitorQuestion, namespaces: Namespaces): Identifier {
  const key = greatest(identifiers, namespaces)
  if (key === undefined)
    throw new HalfsecondError('INVALID', 'a question names at least one identifier')
  return key
}
