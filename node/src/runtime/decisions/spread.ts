import {
  decodeAnswers,
  encode,
  fragmentIdOf,
  type Identifier,
  identifierIn,
  type Question,
  type SpreadAnswer,
  type SpreadQuestion,
  shardOf,
  spreadMs,
  subjects,
  type WirePosition,
  wireVersion,
} from '@halfsecond/protocol'
import type { ClusterMap } from '../../core/cluster/cluster-map.ts'
import type { Fragment } from '../../core/fragment/fragment.ts'
import { parentOfFragment } from '../../core/profile/branch.ts'
import type { Bus, Clock, Log } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { hold } from './held-shards.ts'

/** How often it is looked whether copies have arrived: a publish takes a millisecond or two. */
const lookMs = 4

export interface SpreadDependencies {
  /** This node. */
  readonly node: string
  readonly shards: readonly (Shard | undefined)[]
  readonly map: () => ClusterMap | undefined
  readonly bus: Pick<Bus, 'request'>
  readonly log: Pick<Log, 'extent'>
  readonly clock: Pick<Clock, 'monotonic' | 'after'>
}

/**
 * Says when a record counts wherever its person is decided for: it follows the copies of its key's
 * fragment up to the root, and waits until every replica that may answer on the way has folded them:
 * at the root for what it says, below for whom it links. What is not so in time is not so; nobody
 * loses anything by it, as the record is durable.
 */
export class Spread {
  private readonly uses: SpreadDependencies

  constructor(uses: SpreadDependencies) {
    this.uses = uses
  }

  /** Rejects with a HalfsecondError where this node cannot say. */
  async answer({ key, at, position, deadline }: SpreadQuestion): Promise<SpreadAnswer> {
    const { shards, clock } = this.uses
    const endsAt = clock.monotonic() + Math.min(deadline, spreadMs)
    const [number, incarnation, sequence] = position
    const shard = hold(shards, number)
    const isHere =
      incarnation === shard.state.incarnation &&
      (await shard.reached(sequence, endsAt - clock.monotonic()))
    if (!isHere || shard.isStopped) return later
    const fragments = fragmentsOf(shard, at)
    const parents = new Set<Identifier>()
    for (const fragment of fragments) {
      const parent = parentOfFragment(fragment, shard.state.identity.rules.namespaces)
      if (parent !== null) parents.add(identifierIn(parent))
    }
    const done = await Promise.all([
      this.isOnReplicas(position, endsAt),
      ...[...parents].map((parent) => this.goUp(shard, key, parent, endsAt)),
    ])
    return { kind: 'spread', isEverywhere: done.every((one) => one) }
  }

  /** Whether the parent has what was folded here, and all above it. */
  private async goUp(
    shard: Shard,
    key: Identifier,
    parent: Identifier,
    endsAt: number,
  ): Promise<boolean> {
    const { clock, map } = this.uses
    const home = shardOf(parent, shard.state.shards)
    while (isCopyWaiting(shard, home, key)) {
      if (clock.monotonic() >= endsAt || shard.isStopped) return false
      await new Promise<void>((resolve) => clock.after(lookMs, resolve))
    }
    const position = await this.endOf(home)
    const primary = map()?.shards[home]?.primary
    if (primary === undefined || primary === '' || position === undefined) return false
    const question = { kind: 'spread' as const, key, at: parent, position }
    const answer = await this.ask(primary, question, endsAt)
    return answer?.kind === 'spread' && answer.isEverywhere
  }

  /** What has arrived in a log lies no further than its end. */
  private async endOf(shard: number): Promise<WirePosition | undefined> {
    try {
      const { incarnation, last } = await this.uses.log.extent(shard)
      return [shard, incarnation, last]
    } catch {
      return undefined
    }
  }

  private async isOnReplicas(position: WirePosition, endsAt: number): Promise<boolean> {
    const entry = this.uses.map()?.shards[position[0]]
    if (entry === undefined) return false
    const others = [entry.primary, ...entry.standbys].filter((node) => node !== this.uses.node)
    const reached = await Promise.all(
      others.map(async (node) => {
        const answer = await this.ask(node, { kind: 'await', position }, endsAt)
        return answer?.kind === 'reached'
      }),
    )
    return reached.every((one) => one)
  }

  /** Undefined where there was no answer in time. */
  private async ask(node: string, question: Unasked, endsAt: number) {
    const { clock, bus } = this.uses
    const deadline = endsAt - clock.monotonic()
    if (deadline <= 0) return undefined
    if (node === this.uses.node && question.kind === 'spread')
      return this.answer({ ...question, deadline }).catch(() => undefined)
    const frame = encode({ v: wireVersion, questions: [{ ...question, deadline }] })
    try {
      const reply = await bus.request(subjects.decide(node), frame, deadline)
      return decodeAnswers(reply).answers[0]
    } catch {
      return undefined
    }
  }
}

type Unasked = Question extends infer Q
  ? Q extends { readonly kind: 'spread' | 'await' }
    ? Omit<Q, 'deadline'>
    : never
  : never

const later: SpreadAnswer = { kind: 'spread', isEverywhere: false }

/** Of a device all its epochs: a record may be of any of them. */
function fragmentsOf(shard: Shard, identifier: Identifier): Fragment[] {
  const first = shard.read(identifier)
  if (first === undefined) return []
  const epochs = first.device?.epochs.length ?? 1
  return Array.from({ length: epochs }, (_, epoch) =>
    epoch === 0 ? first : shard.read(fragmentIdOf(identifier, epoch)),
  ).filter((one) => one !== undefined)
}

/** Whether a copy of what the key brought may not have arrived yet. */
function isCopyWaiting(shard: Shard, home: number, key: Identifier): boolean {
  const rows = shard.state.outbox.rows(home, shard.arrivedAt(home))
  for (const { message } of rows)
    if (message.kind === 'copy' && identifierIn(message.id) === key) return true
  return false
}
