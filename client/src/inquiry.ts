import {
  type DecideQuestion,
  greatest,
  HalfsecondError,
  type Identifier,
  type Position,
  type ProfileQuestion,
  toWire,
} from '@halfsecond/protocol'
import type { NoAnswer, VisitorAnswer } from './asked.ts'
import { Asker } from './asker.ts'
import type { Counters } from './counters.ts'
import type { MapFollower } from './map-follower.ts'
import type { Recorder } from './recorder.ts'
import { Roots } from './roots.ts'
import type { Transport } from './transport.ts'

/** What is asked, besides of whom: what this client recorded of them is added. */
type Unasked<Question> = Omit<
  Question,
  'identifiers' | 'deadline' | 'positions' | 'pending' | 'root'
>
export type Wish = Unasked<DecideQuestion> | Unasked<ProfileQuestion>

/** Asks about visitors, with all that this client recorded of them lately. */
export class Inquiry {
  private readonly transport: Transport
  private readonly map: MapFollower
  private readonly recorder: Recorder
  private readonly asker: Asker
  private readonly roots = new Roots()

  constructor(transport: Transport, map: MapFollower, recorder: Recorder, counters: Counters) {
    this.transport = transport
    this.map = map
    this.recorder = recorder
    this.asker = new Asker(transport, map, counters)
  }

  /**
   * The answer, or why there is none; by the deadline, and never rejects.
   * @param imported positions besides those of this client
   */
  ask(
    wish: Wish,
    identifiers: readonly Identifier[],
    imported: readonly Position[],
    deadlineMs: number,
  ): Promise<VisitorAnswer | NoAnswer> {
    return this.map.isKnown
      ? this.askNow(wish, identifiers, imported, deadlineMs)
      : this.askOnceKnown(wish, identifiers, imported, deadlineMs)
  }

  close(): void {
    this.asker.close()
  }

  private async askNow(
    wish: Wish,
    identifiers: readonly Identifier[],
    imported: readonly Position[],
    deadlineMs: number,
  ): Promise<VisitorAnswer | NoAnswer> {
    const key = greatest(identifiers, this.map.namespaces)
    if (key === undefined) return new HalfsecondError('INVALID', 'a visitor has an identifier')
    const home = this.map.shardOf(key)
    // Of a bot nobody is looked up: any replica of its home knows the default content.
    const isBot = wish.kind === 'decide' && wish.isBot === true
    const root = isBot ? undefined : this.roots.of(key)
    const question = {
      ...wish,
      identifiers,
      deadline: deadlineMs,
      positions: isBot ? [] : this.recorder.positionsOf(identifiers, imported).map(toWire),
      pending: isBot ? none : this.pendingOf(identifiers),
      ...(root !== undefined && { root }),
    }
    const answer = await this.asker.ask(question, home, deadlineMs)
    if (answer instanceof HalfsecondError) {
      this.roots.forget(key)
      return answer
    }
    if (answer.positionReset) this.recorder.recent.reset(identifiers, answer.position)
    else if (!isBot) this.roots.foundIn(key, answer.position[0], home)
    if (answer.kind === 'decision') this.map.heardPlaybook(answer.playbook)
    return answer
  }

  /** Records without a known shard have no number yet, so the question waits for the map with them. */
  private async askOnceKnown(
    wish: Wish,
    identifiers: readonly Identifier[],
    imported: readonly Position[],
    deadlineMs: number,
  ): Promise<VisitorAnswer | NoAnswer> {
    const deadlineAt = performance.now() + deadlineMs
    const isKnown = this.transport.isConnected && (await this.map.knownWithin(deadlineMs))
    const left = deadlineAt - performance.now()
    if (isKnown && left > 0) return this.askNow(wish, identifiers, imported, left)
    return new HalfsecondError('UNAVAILABLE', 'no shard map yet: no node has answered')
  }

  private pendingOf(identifiers: readonly Identifier[]): readonly Uint8Array[] {
    let batches = none
    for (const identifier of identifiers) {
      const batch = this.recorder.recent.pendingOf(identifier)
      if (batch !== undefined) batches = [...batches, batch]
    }
    return batches
  }
}

const none: readonly Uint8Array[] = []
