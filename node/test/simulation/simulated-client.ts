import {
  type ChannelRecord,
  type DecideAnswer,
  decode,
  decodeAnswers,
  encode,
  encodeBatch,
  HalfsecondError,
  type Identifier,
  parseShardMap,
  type ShardMap,
  shardOf,
  subjects,
  toHalfsecondError,
  ulid,
  type WirePosition,
} from '@halfsecond/protocol'
import type { Bus, Clock, Log } from '../../src/runtime/ports.ts'
import { hour, lesson, reported } from '../support/lessons.ts'
import { event } from '../support/records.ts'
import type { Coverage } from './coverage.ts'
import type { Deed } from './people.ts'

/** Also how long an answer counts: afterwards nobody waits for it. */
export const deadlineMs = 400
const hedgeMs = 40
const resendMs = 100

/** After all replicas failed: ever later. */
const firstRetryMs = 20
const retryMaxMs = 200

/** Of so many things that somebody does one is about what they were shown. */
const showsEvery = 3

/** Settles while a simulation runs. */
const taught = lesson('click', 4_000, hour)

/** The map is asked for no more often. */
const refreshMs = 50

interface Queue {
  /** All that was recorded, in order; record i has number i + 1. */
  readonly records: ChannelRecord[]
  acked: number
  isSending: boolean
}

/** What became of a decide. */
export interface Decided {
  readonly startedAt: number
  readonly shard: number
  /** Replicas that were known all the time. */
  readonly replicas: readonly string[]
  /** Undefined where there was no answer in time. */
  readonly answer: DecideAnswer | undefined
}

export interface ClientSurroundings {
  readonly name: string
  readonly shards: number
  readonly bus: Bus
  readonly log: Log
  readonly clock: Clock
  readonly coverage: Coverage
  readonly decided: (decided: Decided) => void
}

/**
 * A channel's server by the rules of the client library, on virtual time: one batch under way per
 * shard, sent again until it is acknowledged; decides at the primary, and at a standby where that is
 * late or refuses, at the root's home before the visitor's own; positions kept per visitor.
 */
export class SimulatedClient {
  readonly name: string
  private readonly uses: ClientSurroundings
  private readonly queues: Queue[]
  /** Per visitor: the furthest that it has seen. */
  private readonly positions = new Map<Identifier, WirePosition>()
  /** Per visitor: where their profile was found last, where that is not their own shard. */
  private readonly roots = new Map<Identifier, number>()
  /** Per visitor: the decision whose content they see. */
  private readonly seeing = new Map<
    Identifier,
    { readonly decision: string; readonly offer: string }
  >()
  private tracked = 0
  private map: ShardMap | undefined
  private refreshedAt = Number.NEGATIVE_INFINITY
  private decisions = 0

  constructor(uses: ClientSurroundings) {
    this.name = uses.name
    this.uses = uses
    this.queues = Array.from({ length: uses.shards }, () => {
      return { records: [], acked: 0, isSending: false }
    })
    uses.bus.listen(subjects.map, (bytes) => this.use(parseShardMap(decode(bytes))))
    this.refresh()
  }

  /** Ids of all that was acknowledged. */
  get acked(): readonly string[] {
    return this.queues.flatMap(({ records, acked }) => records.slice(0, acked).map(({ id }) => id))
  }

  get isQuiet(): boolean {
    return this.queues.every(({ records, acked }) => records.length === acked)
  }

  track(visitor: Identifier): void {
    this.record(visitor, (id, at) => event(visitor, id, at))
    if (++this.tracked % showsEvery === 0) this.see(visitor)
  }

  /** They are shown something that others learn from, or click on it. */
  private see(key: Identifier): void {
    const seen = this.seeing.get(key)
    if (seen) this.seeing.delete(key)
    const now = this.uses.clock.now()
    const decision = ulid(now, (bytes) => bytes.fill(this.tracked % 251))
    const shown = seen ?? { decision, offer: `o${this.tracked % 5}` }
    if (!seen) this.seeing.set(key, shown)
    const outcome = reported(seen ? 'click' : 'display', { key, lesson: taught })
    this.record(key, (id, at) => ({ ...outcome, ...shown, id, at }))
  }

  /** Somebody is somebody else, or is not. */
  tell(link: Extract<Deed, { kind: 'tell' }>['record']): void {
    this.record(link.key, (id, at) => ({ ...link, id, at }))
  }

  private record(key: Identifier, make: (id: string, at: number) => ChannelRecord): void {
    const shard = shardOf(key, this.uses.shards)
    const queue = this.queue(shard)
    const id = `${this.name}-${shard}-${queue.records.length}`
    queue.records.push(make(id, this.uses.clock.now()))
    if (!queue.isSending) void this.send(shard, queue)
  }

  /** Positions after `last` are of entries that the log lost. */
  forget(shard: number, last: number): void {
    for (const [visitor, [of, , sequence]] of this.positions)
      if (of === shard && sequence > last) this.positions.delete(visitor)
  }

  decide(visitor: Identifier): void {
    const shard = shardOf(visitor, this.uses.shards)
    const startedAt = this.uses.clock.monotonic()
    const position = this.positions.get(visitor)
    const question = {
      kind: 'decide',
      decision: `${this.name}-${++this.decisions}-${Math.floor(startedAt)}`,
      identifiers: [visitor],
      placements: ['hero'],
      positions: position ? [position] : [],
      pending: this.pendingOf(visitor, shard),
    }
    const before = this.replicas(shard)
    const done = (answer: DecideAnswer | undefined) => {
      if (answer?.freshness === 'fresh') this.seen(visitor, answer.position)
      this.found(visitor, shard, answer)
      const replicas = this.replicas(shard).filter((node) => before.includes(node))
      this.uses.decided({ startedAt, shard, replicas, answer })
    }
    const atHome = { shard, question }
    const root = this.roots.get(visitor)
    const ways: Way[] = [atHome]
    if (root !== undefined) {
      this.uses.coverage.count('asked-at-root')
      ways.unshift({ shard: root, question: { ...question, root } })
    }
    new Ask(this.uses, ways, this, done).begin()
  }

  private found(visitor: Identifier, home: number, answer: DecideAnswer | undefined): void {
    if (answer?.positionReset) return
    const [root] = answer?.position ?? [home]
    if (root === home) this.roots.delete(visitor)
    else this.roots.set(visitor, root)
  }

  /** Replicas of a shard, the one to ask first first. */
  replicas(shard: number): readonly string[] {
    const entry = this.map?.shards[shard]
    return entry ? [entry.primary, ...entry.standbys] : []
  }

  heard(epoch: number): void {
    if (epoch === 0 || epoch > (this.map?.epoch ?? 0)) this.refresh()
  }

  private refresh(): void {
    const { bus, clock } = this.uses
    if (clock.monotonic() < this.refreshedAt + refreshMs) return
    this.refreshedAt = clock.monotonic()
    bus.request(subjects.mapGet, new Uint8Array(0), deadlineMs).then(
      (bytes) => this.use(parseShardMap(decode(bytes))),
      () => undefined,
    )
  }

  private use(map: ShardMap): void {
    if (map.epoch > (this.map?.epoch ?? 0)) this.map = map
  }

  private async send(shard: number, queue: Queue): Promise<void> {
    const { log, clock, coverage } = this.uses
    queue.isSending = true
    while (queue.acked < queue.records.length) {
      const first = queue.acked
      const batch = queue.records.slice(first)
      const bytes = encodeBatch(
        this.name,
        first + 1,
        batch.map((record) => encode(record)),
      )
      try {
        const sequence = await log.append(shard, bytes, 'log')
        queue.acked = first + batch.length
        for (const { key } of batch) this.seen(key, [shard, this.incarnationOf(shard), sequence])
      } catch {
        coverage.count('resends')
        await new Promise<void>((resolve) => clock.after(resendMs, resolve))
      }
    }
    queue.isSending = false
  }

  private pendingOf(visitor: Identifier, shard: number): readonly Uint8Array[] {
    const { records, acked } = this.queue(shard)
    const pending = records.slice(acked)
    if (!pending.some(({ key }) => key === visitor)) return []
    return [
      encodeBatch(
        this.name,
        acked + 1,
        pending.map((record) => encode(record)),
      ),
    ]
  }

  private seen(visitor: Identifier, position: WirePosition): void {
    const before = this.positions.get(visitor)
    if (before === undefined || before[1] !== position[1] || before[2] < position[2])
      this.positions.set(visitor, position)
  }

  private incarnationOf(shard: number): number {
    return this.map?.shards[shard]?.incarnation ?? 0
  }

  private queue(shard: number): Queue {
    const queue = this.queues[shard]
    if (queue === undefined) throw new RangeError(`no shard ${shard}`)
    return queue
  }
}

/** When a decide of this id was asked. */
export function askedAt(decision: string): number {
  return Number(decision.split('-').at(-1))
}

type Asker = Pick<SimulatedClient, 'replicas' | 'heard'>

interface Way {
  readonly shard: number
  /** But for its deadline, which is what is left when it is asked. */
  readonly question: object
}

/** One decide, from the first replica that is asked to the first answer, or to its deadline. */
class Ask {
  private readonly uses: ClientSurroundings
  /** Where to ask, best first; the last one stays. */
  private readonly ways: Way[]
  private readonly asker: Asker
  private readonly done: (answer: DecideAnswer | undefined) => void
  private readonly endsAt: number
  private tried: string[] = []
  private open = 0
  private rounds = 0
  private isHedged = false
  private isDone = false

  constructor(
    uses: ClientSurroundings,
    ways: Way[],
    asker: Asker,
    done: (answer: DecideAnswer | undefined) => void,
  ) {
    this.uses = uses
    this.ways = ways
    this.asker = asker
    this.done = done
    this.endsAt = uses.clock.monotonic() + deadlineMs
  }

  begin(): void {
    this.uses.clock.after(deadlineMs, () => this.finish(undefined))
    this.next()
  }

  private next(): void {
    if (this.isDone) return
    const [way] = this.ways
    if (way === undefined) return
    const node = this.asker.replicas(way.shard).find((one) => !this.tried.includes(one))
    if (node === undefined && this.takeHome()) {
      this.next()
      return
    }
    if (node === undefined) {
      if (this.open === 0) this.again()
      return
    }
    this.tried.push(node)
    this.open++
    void this.ask(node, way)
    this.uses.clock.after(hedgeMs, () => {
      if (this.isDone || this.tried.at(-1) !== node) return
      this.hedge()
    })
  }

  private hedge(): void {
    if (!this.isHedged) this.uses.coverage.count('hedges')
    this.isHedged = true
    this.next()
  }

  /** From now on the home is asked. Returns whether it was not yet. */
  private takeHome(): boolean {
    if (this.ways.length === 1) return false
    this.ways.shift()
    this.tried = []
    return true
  }

  private async ask(node: string, { question }: Way): Promise<void> {
    const { bus, clock } = this.uses
    try {
      const left = Math.max(1, this.endsAt - clock.monotonic())
      const frame = encode({ v: 1, questions: [{ ...question, deadline: left }] })
      const reply = await bus.request(subjects.decide(node), frame, left)
      const { epoch, answers } = decodeAnswers(reply)
      const [answer] = answers
      this.open--
      if (answer?.kind === 'decision') {
        this.asker.heard(epoch)
        this.finish(answer)
        return
      }
      const code = answer?.kind === 'error' ? answer.error.code : 'MALFORMED'
      this.failed(new HalfsecondError(code, 'no decision'))
    } catch (error) {
      this.open--
      this.failed(toHalfsecondError(error, 'UNAVAILABLE', 'no answer'))
    }
  }

  private failed({ code }: HalfsecondError): void {
    if (code === 'UNAVAILABLE' || code === 'MOVED') this.asker.heard(0)
    this.takeHome()
    this.next()
  }

  private again(): void {
    this.asker.heard(0)
    this.uses.clock.after(Math.min(retryMaxMs, firstRetryMs * 2 ** this.rounds++), () => {
      this.tried = []
      this.next()
    })
  }

  private finish(answer: DecideAnswer | undefined): void {
    if (this.isDone) return
    this.isDone = true
    this.done(answer)
  }
}
