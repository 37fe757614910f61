import { type ConsentMode, encode, subjects, toHalfsecondError } from '@halfsecond/protocol'
import type { ClusterMap } from '../../core/cluster/cluster-map.ts'
import type { Bus, Clock, Coordination, Observer, Revised, Timer } from '../ports.ts'
import { clientMapOf, encodeMap, readMap } from './messages.ts'

const mapKey = 'map'

/** How often the map is read anew, where nothing was heard of a newer one. */
const pollMs = 2_000

export interface MapKeeperDependencies {
  readonly coordination: Coordination
  readonly bus: Bus
  readonly clock: Clock
  readonly observer: Observer
  /** What the newest playbook asks of clients; undefined while there is none. */
  readonly consent: () => ConsentMode | undefined
}

/**
 * The newest map that this node knows. The coordination is where maps are made; broadcasts and
 * beats only say that it is time to look.
 *
 * K1 the epoch of what is kept never falls.
 * K2 without the coordination the last map stays: everything goes on serving.
 */
export class MapKeeper {
  /** Called with every newer map, in order. */
  onMap: (map: ClusterMap) => void = () => {}
  private readonly uses: MapKeeperDependencies
  private map: ClusterMap | undefined
  private reading: Promise<void> | undefined
  private timer: Timer | undefined
  private isClosed = false

  constructor(uses: MapKeeperDependencies) {
    this.uses = uses
    uses.bus.serve(subjects.mapGet, () => this.forClients())
    this.schedule()
  }

  get current(): ClusterMap | undefined {
    return this.map
  }

  /** Somebody knows a map of this epoch. */
  heard(epoch: number): void {
    if (epoch > (this.map?.epoch ?? 0)) void this.refresh()
  }

  /** Reads the map that is agreed on now. Never rejects: the last one stays. */
  refresh(): Promise<void> {
    this.reading ??= this.read()
      .then(
        (revised) => {
          if (revised) this.use(readMap(revised.value))
        },
        (error: unknown) => this.failed(error),
      )
      .finally(() => {
        this.reading = undefined
      })
    return this.reading
  }

  /** The map with its revision, for whoever changes it. Rejects where it cannot be read. */
  read(): Promise<Revised | undefined> {
    return this.uses.coordination.get(mapKey)
  }

  /** Makes a map the one, if nobody was faster; then tells everybody. */
  async propose(map: ClusterMap, revision: number): Promise<boolean> {
    if (!(await this.uses.coordination.compareAndSet(mapKey, encodeMap(map), revision)))
      return false
    this.use(map)
    this.tell()
    return true
  }

  /** Tells the map to clients, once there is one. */
  tell(): void {
    if (this.map && !this.isClosed) this.uses.bus.publish(subjects.map, this.encoded(this.map))
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  /** Answers nothing before there is a map: another node may have one, and the asker's time is short. */
  private forClients(): Uint8Array | Promise<Uint8Array> {
    return this.map ? this.encoded(this.map) : new Promise(() => {})
  }

  private encoded(map: ClusterMap): Uint8Array {
    return encode(clientMapOf(map, this.uses.consent()))
  }

  private use(map: ClusterMap): void {
    if (this.isClosed || map.epoch <= (this.map?.epoch ?? 0)) return
    this.map = map
    this.onMap(map)
  }

  private schedule(): void {
    if (this.isClosed) return
    this.timer = this.uses.clock.after(pollMs, () => {
      void this.refresh().then(() => this.schedule())
    })
  }

  private failed(error: unknown): void {
    const failure = toHalfsecondError(error, 'UNAVAILABLE', 'cannot read the map')
    this.uses.observer.failed('map', failure)
  }
}
