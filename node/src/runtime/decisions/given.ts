import type { FragmentId } from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import type { Clock, Observer } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import type { Grant, GrantWriter } from './grant-writer.ts'
import { type GivenProposition, grantsOf } from './grants-of.ts'
import type { GivenQuestion } from './peer-messages.ts'
import type { Peers } from './peers.ts'

/** How long what must count is tried again: longer than any failing over. */
const triedMs = 30_000

/** A shard without a primary has the next one within a second or two. */
const retryMs = 250

/** Answers of which what was given is not in the log yet: beyond it is only noted that they are lost. */
const untoldMax = 10_000

/** How long whoever leads the shard may take. */
const answerMs = 200

export interface GivenDependencies {
  readonly writer: Pick<GrantWriter, 'leads' | 'write'>
  readonly peers: Pick<Peers, 'give'>
  readonly clock: Clock
  readonly observer: Pick<Observer, 'noted'>
}

/**
 * Tells what was given to whoever must know: the log, where deciding is the exposure, and the
 * primary of the shard, where a standby decided. No answer waits for it.
 *
 * What only reserves is told once: if that is lost, a limit may show one more, as while a primary
 * does not answer. What has to count is tried until it is in the log, for `triedMs`.
 */
export class Given {
  private readonly uses: GivenDependencies
  private untold = 0
  private isClosed = false

  constructor(uses: GivenDependencies) {
    this.uses = uses
  }

  tell(
    shard: Shard,
    root: FragmentId,
    given: readonly GivenProposition[],
    playbook: Playbook,
    at: number,
  ): void {
    const grants = grantsOf(root, given, playbook, at)
    const isLed = this.uses.writer.leads(shard.number)
    if (isLed && grants.length === 0) return
    if (this.untold >= untoldMax) {
      if (grants.length > 0) this.lost(shard.number, grants.length)
      return
    }
    this.untold++
    const message: GivenQuestion = { kind: 'given', root, at, given }
    void this.told(shard.number, message, grants).finally(() => {
      this.untold--
    })
  }

  /** Of what a standby gave. Resolves with whether all that must count is in the log. */
  async take(
    shard: Shard,
    root: FragmentId,
    given: readonly GivenProposition[],
    playbook: Playbook,
    at: number,
  ): Promise<boolean> {
    return this.written(shard.number, grantsOf(root, given, playbook, at))
  }

  /** Nothing is tried again. */
  close(): void {
    this.isClosed = true
  }

  private async told(
    shard: number,
    message: GivenQuestion,
    grants: readonly Grant[],
  ): Promise<void> {
    const { writer, peers, clock } = this.uses
    const endsAt = clock.monotonic() + triedMs
    for (;;) {
      const isTold = writer.leads(shard)
        ? await this.written(shard, grants)
        : await peers.give(shard, message, answerMs)
      if (isTold || grants.length === 0 || this.isClosed) return
      if (clock.monotonic() > endsAt) return this.lost(shard, grants.length)
      await new Promise<void>((resolve) => clock.after(retryMs, resolve))
    }
  }

  private async written(shard: number, grants: readonly Grant[]): Promise<boolean> {
    const written = await Promise.all(grants.map((one) => this.uses.writer.write(shard, one)))
    return written.every(Boolean)
  }

  private lost(shard: number, count: number): void {
    this.uses.observer.noted(
      'warn',
      `${count} propositions that were given at placements with a token are not counted: the log of shard ${shard} does not take them`,
      { shard },
    )
  }
}
