import { type FragmentId, toHalfsecondError } from '@halfsecond/protocol'
import type { Playbook } from '../../core/decision/playbook.ts'
import { signalDestination, signalsMax } from '../../core/shard/signal.ts'
import type { Clock, Observer, Timer } from '../ports.ts'
import type { Primary } from '../shards/primary.ts'
import type { Shard } from '../shards/shard.ts'
import type { Finding, Onlooker } from './onlooker.ts'
import type { Sweep } from './sweep.ts'
import { Touched } from './touched.ts'

/** Touches are gathered for so long, so that a burst of one visitor is looked at once. */
const gatherMs = 100

/** Looked at in one round, over all shards. */
const looksPerRound = 2_000

/** Time that a round takes from decides and folds: a fifth of a core. What is left waits. */
const roundMs = 20

/** … in pieces, between which others have their turn. */
const pieceMs = 2

/** Standbys keep what was touched for one to two of these: longer than any failing over. */
const turnMs = 30_000

/** Of one entry: findings, and bytes of content that they carry. */
const findingsPerEntry = 256
const contentPerEntry = 128 * 1024

/** How long a node that stops goes on looking at what was touched. */
const closeMs = 1_000

/** The primary of a shard, as far as it tells of segments. */
export type Teller = Pick<Primary, 'number' | 'segment'>

export interface SegmenterDependencies {
  /** The shards that this node holds. */
  readonly shards: readonly Shard[]
  readonly leaders: () => readonly Teller[]
  readonly playbookOf: (shard: Shard) => { readonly playbook: Playbook } | undefined
  readonly onlooker: Pick<Onlooker, 'look'>
  readonly sweep: Pick<Sweep, 'step' | 'hurry'>
  readonly clock: Clock
  readonly observer: Observer
}

/**
 * Tells who entered and left segments: looks at whatever was written to a moment ago, and with the
 * sweep at everybody from time to time. What it finds it writes to the log; the fold tells others.
 *
 * G1 only who leads a shard looks and writes; whoever takes over looks at what was touched lately.
 * G2 what could not be written is looked at again.
 */
export class Segmenter {
  private readonly uses: SegmenterDependencies
  private readonly touched = new Map<Shard, Touched>()
  private turnedAt: number
  private rounds = 0
  private timer: Timer | undefined
  private running: Promise<void> = Promise.resolve()
  private isClosed = false

  constructor(uses: SegmenterDependencies) {
    this.uses = uses
    this.turnedAt = uses.clock.monotonic()
    this.schedule()
  }

  /** A shard came to be held. */
  hold(shard: Shard): void {
    const touched = new Touched()
    this.touched.set(shard, touched)
    shard.memory.onChange = ({ identifier }) => {
      if (touched.isWanted) touched.add(identifier)
    }
  }

  /** Looks at what was touched, for a while, then stops. Never rejects. */
  async close(): Promise<void> {
    const { clock } = this.uses
    this.isClosed = true
    this.timer?.cancel()
    await this.running
    const end = clock.monotonic() + closeMs
    for (let before = Number.POSITIVE_INFINITY; clock.monotonic() < end; ) {
      const left = this.waiting()
      // Where nothing gets less, the log or other systems take nothing.
      if (left === 0 || left >= before) return
      before = left
      await this.lookAtTouched()
    }
  }

  private schedule(): void {
    if (this.isClosed) return
    this.timer = this.uses.clock.after(gatherMs, () => {
      this.running = this.round()
        .catch((error: unknown) => this.failed(error))
        .finally(() => this.schedule())
    })
  }

  private async round(): Promise<void> {
    for (const shard of this.touched.keys())
      if (!this.uses.shards.includes(shard)) this.touched.delete(shard)
    const now = this.uses.clock.monotonic()
    const isTurn = now - this.turnedAt >= turnMs
    if (isTurn) this.turnedAt = now
    const led = new Set(this.uses.leaders().map(({ number }) => number))
    for (const [shard, touched] of this.touched) {
      const { segments } = this.uses.playbookOf(shard)?.playbook ?? {}
      touched.isWanted = segments?.length !== 0
      if (isTurn && !led.has(shard.number)) touched.turn()
    }
    await this.lookAtTouched()
    await this.uses.sweep.step((shard, id) => this.touched.get(shard)?.add(id))
  }

  /** How many wait to be looked at here. */
  private waiting(): number {
    const led = new Set(this.uses.leaders().map(({ number }) => number))
    let count = 0
    for (const [shard, { size }] of this.touched) if (led.has(shard.number)) count += size
    return count
  }

  private async lookAtTouched(): Promise<void> {
    const { clock, shards, sweep } = this.uses
    const end = clock.monotonic() + roundMs
    let left = looksPerRound
    for (const primary of this.leadersInTurn()) {
      const shard = shards.find(({ number }) => number === primary.number)
      const touched = shard && this.touched.get(shard)
      if (shard === undefined || touched === undefined) continue
      if (touched.hasOverflowed) sweep.hurry()
      touched.hasOverflowed = false
      while (touched.size > 0 && left > 0 && clock.monotonic() < end && !isFull(shard)) {
        const piece = touched.take(Math.min(left, pieceMax))
        left -= piece.length
        await this.lookAt(primary, shard, piece, touched)
      }
    }
  }

  /** Another one is the first each time: under overload the last ones have no turn. */
  private leadersInTurn(): readonly Teller[] {
    const leaders = this.uses.leaders()
    const first = leaders.length === 0 ? 0 : this.rounds++ % leaders.length
    return [...leaders.slice(first), ...leaders.slice(0, first)]
  }

  private async lookAt(
    primary: Teller,
    shard: Shard,
    ids: readonly FragmentId[],
    touched: Touched,
  ): Promise<void> {
    const { clock, observer } = this.uses
    const looks: Promise<readonly Finding[]>[] = []
    let pieceEnd = clock.monotonic() + pieceMs
    for (const id of ids) {
      looks.push(this.look(shard, id))
      if (clock.monotonic() < pieceEnd) continue
      await new Promise<void>((resolve) => clock.soon(resolve))
      pieceEnd = clock.monotonic() + pieceMs
    }
    const findings = (await Promise.all(looks)).flat()
    try {
      for (const entry of entriesOf(findings)) await primary.segment(entry)
    } catch (error) {
      for (const id of ids) touched.add(id)
      const what = `shard ${shard.number} cannot tell who is in which segment`
      observer.failed('segments', toHalfsecondError(error, 'UNAVAILABLE', what))
    }
  }

  /** Never rejects: whoever cannot be looked at keeps nobody else from it. */
  private async look(shard: Shard, id: FragmentId): Promise<readonly Finding[]> {
    try {
      return await this.uses.onlooker.look(shard, id)
    } catch (error) {
      this.failed(error)
      return []
    }
  }

  private failed(error: unknown): void {
    const failure = toHalfsecondError(error, 'UNAVAILABLE', 'cannot look who is in which segment')
    this.uses.observer.failed('segments', failure)
  }
}

/** Fragments that are looked at before what was found is written. */
const pieceMax = 256

/**
 * While so many signals of a shard wait, nobody new is looked at: what is beyond `signalsMax` would
 * be told nobody, while a segment that is looked at later is only told later.
 */
const waitingMax = signalsMax / 2

function isFull({ state }: Shard): boolean {
  return state.outbox.sizeOf(signalDestination(state.shards)) > waitingMax
}

function* entriesOf(findings: readonly Finding[]): Generator<readonly Finding[]> {
  let entry: Finding[] = []
  let bytes = 0
  for (const finding of findings) {
    const more = finding.decisions.reduce((sum, { content }) => sum + 4 * content.length, 0)
    if (entry.length === findingsPerEntry || (entry.length > 0 && bytes + more > contentPerEntry)) {
      yield entry
      entry = []
      bytes = 0
    }
    entry.push(finding)
    bytes += more
  }
  if (entry.length > 0) yield entry
}
