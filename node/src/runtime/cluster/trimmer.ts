import { toHalfsecondError } from '@halfsecond/protocol'
import type { ClusterMap, NodeReport } from '../../core/cluster/cluster-map.ts'
import { trimFloor } from '../../core/cluster/trim-floor.ts'
import type { Clock, Log, Observer, Timer } from '../ports.ts'

const everyMs = 30_000

/** Fewer entries than these are not worth a request. */
const worthEntries = 1_000

export interface TrimmerDependencies {
  readonly log: Log
  readonly clock: Clock
  readonly observer: Observer
  readonly map: () => ClusterMap | undefined
  readonly reports: () => ReadonlyMap<string, NodeReport>
  readonly leads: (shard: number) => boolean
}

/** How full a shard's log is, and when it will be full at the pace of the last minutes. */
export interface LogRoom {
  readonly bytes: number
  readonly bytesMax: number
  /** Undefined where it does not grow. */
  readonly hoursUntilFull: number | undefined
}

interface Sample {
  readonly bytes: number
  readonly at: number
}

/** Removes from the logs that this node leads what every replica has on disk. */
export class Trimmer {
  private readonly uses: TrimmerDependencies
  private readonly startedAt: number
  private readonly rooms = new Map<number, LogRoom>()
  private readonly samples = new Map<number, Sample>()
  private timer: Timer | undefined
  private isClosed = false

  constructor(uses: TrimmerDependencies) {
    this.uses = uses
    this.startedAt = uses.clock.monotonic()
    this.schedule()
  }

  /** By shard, of those that this node leads. */
  get room(): ReadonlyMap<number, LogRoom> {
    return this.rooms
  }

  /** Looks at all logs that this node leads, now. */
  async round(): Promise<void> {
    const map = this.uses.map()
    for (const [shard, entry] of map?.shards.entries() ?? []) {
      if (this.isClosed || !this.uses.leads(shard)) {
        this.rooms.delete(shard)
        this.samples.delete(shard)
        continue
      }
      try {
        const { bytes, bytesMax } = await this.uses.log.usage(shard)
        this.rooms.set(shard, {
          bytes,
          bytesMax,
          hoursUntilFull: this.hours(shard, bytes, bytesMax),
        })
        const { clock, reports } = this.uses
        const listeningMs = clock.monotonic() - this.startedAt
        const fullness = bytesMax > 0 ? bytes / bytesMax : 0
        await this.trim(
          shard,
          trimFloor({ shard, entry, reports: reports(), fullness, listeningMs }),
        )
      } catch (error) {
        const failure = toHalfsecondError(error, 'UNAVAILABLE', `cannot trim shard ${shard}`)
        this.uses.observer.failed('trim', failure)
      }
    }
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  private async trim(shard: number, floor: number): Promise<void> {
    const { log, observer } = this.uses
    if (floor <= worthEntries) return
    const { first } = await log.extent(shard)
    if (floor - first < worthEntries || !this.uses.leads(shard)) return
    await log.trim(shard, floor)
    observer.trimmed(shard, floor)
  }

  /** From the growth since the first sample; a trim begins anew. */
  private hours(shard: number, bytes: number, bytesMax: number): number | undefined {
    const at = this.uses.clock.monotonic()
    const first = this.samples.get(shard)
    if (first === undefined || bytes < first.bytes) {
      this.samples.set(shard, { bytes, at })
      return undefined
    }
    const perHour = (bytes - first.bytes) / Math.max((at - first.at) / 3_600_000, 1e-6)
    return perHour > 0 ? (bytesMax - bytes) / perHour : undefined
  }

  private schedule(): void {
    if (this.isClosed) return
    this.timer = this.uses.clock.after(everyMs, () => {
      void this.round().finally(() => this.schedule())
    })
  }
}
