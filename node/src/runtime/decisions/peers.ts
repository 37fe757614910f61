import { type Answer, subjects, toHalfsecondError } from '@halfsecond/protocol'
import type { ClusterMap } from '../../core/cluster/cluster-map.ts'
import type { Bus, Clock } from '../ports.ts'
import {
  type ApartAnswer,
  type BranchAnswer,
  type BranchQuestion,
  encodePeerQuestion,
  type GivenQuestion,
  type OnwardQuestion,
  type PeerAnswer,
  type PeerQuestion,
  readPeerAnswer,
} from './peer-messages.ts'

/** A replica that was silent for so long is asked after the others. */
const silentMsMax = 600

/** Of what time is left, the first replica may take this share: the next one needs some too. */
const firstShare = 0.6

export interface PeersDependencies {
  /** This node. */
  readonly node: string
  readonly map: () => ClusterMap | undefined
  /** How long a node has been silent. */
  readonly silentMs: (node: string) => number
  readonly bus: Pick<Bus, 'request'>
  readonly clock: Pick<Clock, 'monotonic'>
}

/** Asks the nodes that hold a shard: its primary first, then its standbys. */
export class Peers {
  private readonly uses: PeersDependencies

  constructor(uses: PeersDependencies) {
    this.uses = uses
  }

  /** Undefined where nobody answered in time. Never rejects. */
  async branch(shard: number, question: BranchQuestion): Promise<BranchAnswer | undefined> {
    const answer = await this.ask(shard, question.deadline, (deadline) => ({
      ...question,
      deadline,
    }))
    return answer?.kind === 'branch' ? answer : undefined
  }

  /** The answer to a question that goes on there. Undefined where nobody answered in time. Never rejects. */
  async passOn(
    shard: number,
    onward: OnwardQuestion,
    leftMs: number,
  ): Promise<Answer | ApartAnswer | undefined> {
    const { question } = onward
    const answer = await this.ask(shard, leftMs, (deadline) => ({
      ...onward,
      question: { ...question, deadline },
    }))
    return answer?.kind === 'branch' || answer?.kind === 'given' ? undefined : answer
  }

  /** Tells the primary of a shard what was given. Whether it took that. Never rejects. */
  async give(shard: number, question: GivenQuestion, timeoutMs: number): Promise<boolean> {
    const { map, node, bus } = this.uses
    const primary = map()?.shards[shard]?.primary
    if (primary === undefined || primary === '' || primary === node) return false
    try {
      const bytes = encodePeerQuestion(question)
      return (
        readPeerAnswer(await bus.request(subjects.peer(primary), bytes, timeoutMs)).kind === 'given'
      )
    } catch {
      // Whoever asks decides what becomes of it.
      return false
    }
  }

  private async ask(
    shard: number,
    leftMs: number,
    questionOf: (deadline: number) => PeerQuestion,
  ): Promise<PeerAnswer | undefined> {
    const { bus, clock } = this.uses
    const endsAt = clock.monotonic() + leftMs
    const nodes = this.replicasOf(shard)
    for (const [index, node] of nodes.entries()) {
      const left = endsAt - clock.monotonic()
      if (left < 1) return undefined
      const timeoutMs = index === nodes.length - 1 ? left : left * firstShare
      try {
        const question = encodePeerQuestion(questionOf(timeoutMs))
        return readPeerAnswer(await bus.request(subjects.peer(node), question, timeoutMs))
      } catch (thrown) {
        const { code, message } = toHalfsecondError(thrown, 'UNAVAILABLE', 'no answer')
        if (code === refusal) return { kind: 'error', error: { code, message } }
      }
    }
    return undefined
  }

  /** Who may answer for a shard, best first. */
  private replicasOf(shard: number): readonly string[] {
    const { map, node, silentMs } = this.uses
    const entry = map()?.shards[shard]
    if (entry === undefined) return []
    const nodes = [entry.primary, ...entry.standbys].filter((one) => one !== '' && one !== node)
    const isSilent = (one: string) => (silentMs(one) > silentMsMax ? 1 : 0)
    return nodes.sort((a, b) => isSilent(a) - isSilent(b))
  }
}

/** What every replica would answer. Whatever else goes wrong, copies have to do. */
const refusal = 'FORBIDDEN'
