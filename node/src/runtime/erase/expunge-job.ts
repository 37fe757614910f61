import { HalfsecondError, subjects, toHalfsecondError } from '@halfsecond/protocol'
import type { NodeReport, NodeRow } from '../../core/cluster/cluster-map.ts'
import type { Bus, Clock, Erased, Observer, Timer, Tombstone } from '../ports.ts'
import {
  type EraseRequest,
  encodeEraseRequest,
  type Marks,
  readMarks,
  readShards,
} from './erase-messages.ts'

/** How often it is looked whether something has waited long enough. */
const everyMs = 3_600_000

/**
 * What was erased waits so long for others, so that files are rewritten at most twice a day. With
 * what is left of a day, a run that fails has ten more tries.
 */
const waitMs = 12 * 3_600_000

/** A node copies its whole store meanwhile. */
const stepMs = 600_000

/** Replicas that are being filled, or come to be held, are on disk before so many tries. */
const trimTries = 15

/** Silence that counts as a node's absence. */
const silentMs = 2_000

export interface ExpungeJobDependencies {
  readonly node: string
  readonly shards: number
  readonly rows: () => readonly NodeRow[]
  readonly reports: () => ReadonlyMap<string, NodeReport>
  /** Whether this is the node that does it for all. */
  readonly isCoordinating: () => boolean
  /** This node's own part. */
  readonly answer: (request: EraseRequest) => Promise<Uint8Array>
  readonly bus: Pick<Bus, 'request'>
  readonly erased: Erased
  readonly clock: Clock
  readonly observer: Observer
}

export interface ExpungeState {
  readonly isRunning: boolean
  /** When the last run that went well ended; 0 before. */
  readonly doneAt: number
  /** Why the last run failed; empty where it did not. */
  readonly failure: string
}

/**
 * Gets what was erased out of the files of all nodes. Every log gets one more entry; once all
 * replicas have that on disk, what is before it is trimmed, and goes out of the log's files. A log
 * that was written to meanwhile gets some more, so that its file can be left behind. Then every node
 * removes dead letters and rewrites its store.
 */
export class ExpungeJob {
  private readonly uses: ExpungeJobDependencies
  private running: Promise<void> | undefined
  private next: Promise<void> | undefined
  private doneAt = 0
  private failure = ''
  private timer: Timer | undefined
  private isClosed = false

  constructor(uses: ExpungeJobDependencies) {
    this.uses = uses
    this.schedule()
  }

  get state(): ExpungeState {
    const { running, doneAt, failure } = this
    return { isRunning: running !== undefined, doneAt, failure }
  }

  /**
   * Runs for all that is effective now; after the run that is under way, which may have begun too
   * early for it. Rejects with `UNAVAILABLE`, and says what is missing.
   */
  run(): Promise<void> {
    if (this.running === undefined) return this.begin()
    this.next ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.next = undefined
        return this.begin()
      })
    return this.next
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  private begin(): Promise<void> {
    const run = this.everywhere().then(
      () => {
        this.doneAt = this.uses.clock.now()
        this.failure = ''
      },
      (error: unknown) => {
        const failure = toHalfsecondError(error, 'UNAVAILABLE', 'cannot expunge')
        this.failure = failure.message
        this.uses.observer.failed('expunge', failure)
        throw failure
      },
    )
    const ended = run.finally(() => {
      if (this.running === ended) this.running = undefined
    })
    this.running = ended
    return ended
  }

  private async everywhere(): Promise<void> {
    const { erased, clock } = this.uses
    const stones = await this.waiting()
    const nodes = this.nodes()
    let marks = await this.mark(nodes, null)
    const uncovered = this.uses.shards - marks.size
    if (uncovered > 0)
      throw new HalfsecondError('UNAVAILABLE', `${uncovered} shards are led by nobody at present`)
    const remaining = await this.trim(nodes, marks)
    if (remaining.length > 0) {
      marks = await this.mark(nodes, remaining)
      await this.trim(nodes, marks)
    }
    await this.all(nodes, { op: 'expunge.compact' })
    const expungedAt = clock.now()
    for (const stone of stones) await erased.put({ ...stone, expungedAt })
  }

  /** What is gone from all answers, and may be in files. */
  private async waiting(): Promise<Tombstone[]> {
    const stones: Tombstone[] = []
    for await (const stone of this.uses.erased.since(0))
      if (stone.effectiveAt > 0 && stone.expungedAt === 0) stones.push(stone)
    return stones
  }

  /** All that may have files. */
  private nodes(): readonly string[] {
    const { rows, reports, node } = this.uses
    const heard = reports()
    const isThere = (id: string) => id === node || (heard.get(id)?.silentMs ?? silentMs) < silentMs
    const away = rows().find(({ id, intent }) => intent !== 'decommission' && !isThere(id))
    if (away !== undefined)
      throw new HalfsecondError(
        'UNAVAILABLE',
        `${away.id} is away, and so are its files: start it, or take it out with halfsecond node decommission ${away.id}`,
      )
    return rows()
      .map(({ id }) => id)
      .filter(isThere)
  }

  private async mark(nodes: readonly string[], fill: readonly number[] | null): Promise<Marks> {
    const answers = await this.all(nodes, { op: 'expunge.mark', fill })
    return new Map(answers.flatMap((answer) => [...readMarks(answer)]))
  }

  private async trim(nodes: readonly string[], marks: Marks): Promise<readonly number[]> {
    for (let left = trimTries - 1; ; left--) {
      try {
        const answers = await this.all(nodes, { op: 'expunge.trim', marks })
        return answers.flatMap((answer) => [...readShards(answer)])
      } catch (thrown) {
        if (left === 0 || !(thrown instanceof HalfsecondError) || thrown.code !== 'UNAVAILABLE')
          throw thrown
      }
    }
  }

  private async all(nodes: readonly string[], request: EraseRequest): Promise<Uint8Array[]> {
    const { node, bus, answer } = this.uses
    const bytes = encodeEraseRequest(request)
    const answers = await Promise.all(
      nodes.map((id) =>
        id === node ? answer(request) : bus.request(subjects.control(id), bytes, stepMs),
      ),
    )
    for (const one of answers) readShards(one)
    return answers
  }

  private schedule(): void {
    if (this.isClosed) return
    this.timer = this.uses.clock.after(everyMs, () => {
      void this.look().finally(() => this.schedule())
    })
  }

  private async look(): Promise<void> {
    if (!this.uses.isCoordinating()) return
    try {
      const now = this.uses.clock.now()
      const stones = await this.waiting()
      if (stones.some(({ effectiveAt }) => now - effectiveAt >= waitMs)) await this.run()
    } catch {
      // The run itself has told why; the next look tries again.
    }
  }
}
