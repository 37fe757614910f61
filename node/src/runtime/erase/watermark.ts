import { subjects } from '@halfsecond/protocol'
import type { ClusterMap } from '../../core/cluster/cluster-map.ts'
import type { Bus, Clock } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { encodeEraseRequest, readUnsent, type Unsent, type Waiting } from './erase-messages.ts'

const askMs = 1_000

/** Between two looks at what still waits: sending takes a few milliseconds. */
const lookMs = 50

export interface WatermarkDependencies {
  readonly node: string
  readonly map: () => ClusterMap | undefined
  /** Shards that this node leads. */
  readonly led: () => readonly Shard[]
  readonly bus: Pick<Bus, 'request'>
  readonly clock: Pick<Clock, 'monotonic' | 'after'>
}

/** Tells when everything that shards had for each other at some moment is in the logs of whom it is for. */
export class Watermark {
  private readonly uses: WatermarkDependencies

  constructor(uses: WatermarkDependencies) {
    this.uses = uses
  }

  /** What waits in the outboxes of the shards that this node leads; what has arrived leaves them soon. */
  unsent(): Unsent {
    const led = this.uses.led()
    for (const shard of led) shard.onUnsentAsked()
    return { led: led.map(({ number }) => number), waiting: led.flatMap(waitingIn) }
  }

  /** Resolves with whether all that waits now, in the whole cluster, was sent within this time. */
  async passed(timeoutMs: number): Promise<boolean> {
    const { clock } = this.uses
    const end = clock.monotonic() + timeoutMs
    let marks: readonly Waiting[] | undefined
    for (;;) {
      const now = await this.everywhere()
      if (now !== undefined) marks = (marks ?? now).filter((mark) => isWaiting(mark, now))
      if (marks?.length === 0) return true
      if (clock.monotonic() > end) return false
      await new Promise<void>((resolve) => clock.after(lookMs, resolve))
    }
  }

  /** Undefined where some shard is led by nobody who answers. */
  private async everywhere(): Promise<readonly Waiting[] | undefined> {
    const { node, map, bus } = this.uses
    const shards = map()?.shards ?? []
    const primaries = new Set(shards.map(({ primary }) => primary))
    const request = encodeEraseRequest({ op: 'unsent' })
    const answers = await Promise.all(
      Array.from(primaries, (id) =>
        id === node
          ? this.unsent()
          : bus
              .request(subjects.control(id), request, askMs)
              .then(readUnsent)
              .catch(() => undefined),
      ),
    )
    const there = answers.filter((answer) => answer !== undefined)
    const led = new Set(there.flatMap((one) => one.led))
    if (shards.length === 0 || shards.some((_, number) => !led.has(number))) return undefined
    return there.flatMap(({ waiting }) => waiting)
  }
}

function waitingIn({ number, state }: Shard): Waiting[] {
  return Array.from(state.outbox.waiting(), (destination) => {
    const rows = Array.from(state.outbox.rows(destination), ({ n }) => n)
    return { shard: number, destination, first: rows[0] ?? 0, last: rows.at(-1) ?? 0 }
  })
}

/** Rows of a destination leave in the order of their numbers, and these are the same on all replicas. */
function isWaiting(mark: Waiting, now: readonly Waiting[]): boolean {
  return now.some(
    ({ shard, destination, first }) =>
      shard === mark.shard && destination === mark.destination && first <= mark.last,
  )
}
