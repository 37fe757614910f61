import {
  type FragmentId,
  type Identifier,
  identifierIn,
  type Namespaces,
  shardOf,
} from '@halfsecond/protocol'
import type { Copy } from '../../core/identity/ties.ts'
import type { Branch } from '../../core/profile/branch.ts'
import type { Clock } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import type { BranchReader } from './branch-reader.ts'
import { answering } from './held-shards.ts'
import type { VisitorQuestion } from './peer-messages.ts'
import type { Pending } from './pending.ts'
import type { Profiler } from './profiler.ts'
import { Roots } from './roots.ts'
import { Visit } from './visit.ts'

export interface AtRootDependencies {
  /** The shards that this node holds, by number. */
  readonly shards: readonly (Shard | undefined)[]
  readonly profiler: Pick<Profiler, 'areSent'>
  readonly clock: Pick<Clock, 'now'>
}

/** A question that was sent to where its profile was found before, not to the home of its key. */
export interface AskedAtRoot {
  readonly question: VisitorQuestion
  /** At home elsewhere. */
  readonly key: Identifier
  readonly pending: Pending
  readonly namespaces: Namespaces
  readonly startedAt: number
}

/**
 * Lets questions about identifiers that are at home elsewhere enter where their root is at home,
 * so that a decide by the cookie of a customer costs no more than one by the account.
 */
export class AtRoot {
  private readonly uses: AtRootDependencies
  private readonly reader: BranchReader
  private readonly roots = new Roots()

  constructor(uses: AtRootDependencies, reader: BranchReader) {
    this.uses = uses
    this.reader = reader
  }

  /** A question that came in at `entered` ended at `root`, which is here. */
  ended(entered: FragmentId, root: FragmentId): void {
    if (entered === root) return
    const identifier = identifierIn(entered)
    if (answering(this.uses.shards, this.homeOf(identifier)) === undefined)
      this.roots.endedAt(identifier, root)
  }

  /**
   * Undefined where what the root was handed may not do, and the home of the key has to be asked.
   * @param isFresh whether the shard of the root is, and has reached what the question demands of it
   */
  enter(asked: AskedAtRoot, host: Shard, isFresh: boolean): Visit | undefined {
    const { question, key, pending, namespaces, startedAt } = asked
    const { shards, clock, profiler } = this.uses
    const root = this.roots.of(key)
    if (root === undefined || this.homeOf(identifierIn(root)) !== host.number) return undefined
    if (question.identifiers.some((one) => pending.batchesAbout(one).length > 0)) return undefined
    const branch = this.reader.exactly(host, root)
    const entered = enteredAt(branch, key, question, clock.now(), shards.length)
    if (entered === undefined || !profiler.areSent(branch.judged ?? nobody, root)) return undefined
    const visit = new Visit(question, entered, entered, pending, namespaces, startedAt)
    visit.arrive(branch, isFresh, host)
    return visit
  }

  private homeOf(identifier: Identifier): number {
    return shardOf(identifier, this.uses.shards.length)
  }
}

const nobody: ReadonlySet<FragmentId> = new Set()

/**
 * The fragment that a question about `key` enters at, as its root knows it by the copies that it
 * was handed; undefined where these may not do, and the home of `key` has to be asked.
 *
 * They do where the root is one, has in its profile the epoch that the name means at this time, and
 * what was handed to it is as new as the question's positions demand.
 * @param key at home elsewhere
 */
function enteredAt(
  { own, copies, parent, judged }: Branch,
  key: Identifier,
  { identifiers, positions }: Pick<VisitorQuestion, 'identifiers' | 'positions'>,
  now: number,
  shards: number,
): FragmentId | undefined {
  if (parent !== null || judged === null) return undefined
  const [entered, another] = copiesOf(key, copies).filter((copy) => isMeant(copy, now))
  if (entered === undefined || another !== undefined || !judged.has(entered.id)) return undefined
  const homeOf = (id: FragmentId) => shardOf(identifierIn(id), shards)
  const isReached = ({ id, version }: Copy) =>
    positions.every(([shard, , sequence]) => shard !== homeOf(id) || version.sequence >= sequence)
  if (!isReached(entered)) return undefined
  for (const one of identifiers) {
    if (one === key || one === identifierIn(own.id)) continue
    if (!copiesOf(one, copies).some(isReached)) return undefined
  }
  // A position may be of somebody between the two, whom the way upwards would have come by.
  for (const [shard] of positions) {
    const there = copies.filter(({ id }) => homeOf(id) === shard)
    if (shard !== homeOf(own.id) && there.length > 0 && !there.some(isReached)) return undefined
  }
  return entered.id
}

function copiesOf(identifier: Identifier, copies: readonly Copy[]): readonly Copy[] {
  return copies.filter(({ id }) => identifierIn(id) === identifier)
}

/** Where a home could not tell, its word is needed. */
function isMeant({ meantUntil }: Copy, now: number): boolean {
  return meantUntil === null || (meantUntil !== undefined && now <= meantUntil)
}
