import { HalfsecondError, subjects } from '@halfsecond/protocol'
import type { Intent } from '../../core/cluster/cluster-map.ts'
import { type NextMapInput, nextMap } from '../../core/cluster/next-map.ts'
import { assumeFollowed, describePlan, type PlannedMove } from '../../core/cluster/plan.ts'
import type { Bus, Clock } from '../ports.ts'
import type { Cluster } from './cluster.ts'
import { type ClusterView, clusterView } from './cluster-view.ts'
import type { Wishes } from './coordinator.ts'
import { refusalOf } from './refusal.ts'
import { readRooms, roomsRequest } from './room-messages.ts'
import type { LogRoom } from './trimmer.ts'

/** How long others may take to say what they know: whoever asks at night waits for it. */
const askMs = 1_000

/** Steps of a plan; more mean that it goes in circles. */
const stepsMax = 500

/** How far a change is meant. */
export interface Care {
  /** Only look whether it is possible. */
  readonly dryRun: boolean
  /** Also where it is dangerous. */
  readonly force: boolean
}

export interface OperationsDependencies {
  readonly cluster: Cluster
  readonly node: string
  readonly standbys: number
  readonly bus: Bus
  readonly clock: Clock
}

/** What operators see of the cluster and do to it. Any node can be asked. */
export class Operations {
  private readonly uses: OperationsDependencies
  private wishes: Wishes = { isPaused: false, moves: [] }

  constructor(uses: OperationsDependencies) {
    this.uses = uses
  }

  /** Rejects with `UNAVAILABLE` before there is a map. */
  async view(): Promise<ClusterView> {
    const { members, coordinator, keeper } = this.uses.cluster
    const [isAgreementReachable, rooms] = await Promise.all([this.refresh(), this.rooms()])
    const map = keeper.current
    if (map === undefined) throw new HalfsecondError('UNAVAILABLE', 'no shard map yet')
    const beats = new Map(members.lastBeats.map((beat) => [beat.node, beat] as const))
    const own = { epoch: map.epoch, loopDelayMs: members.loopDelayMs }
    return clusterView({
      map,
      rows: members.rows,
      reports: members.reports(),
      beats: new Map([...beats, [this.uses.node, own]]),
      coordinator: coordinator.holder,
      isAgreementReachable,
      wishes: this.wishes,
      rooms,
      standbys: this.uses.standbys,
    })
  }

  /**
   * Says what is wanted of a node. Rejects with `INVALID` for a node that is not there, and, unless
   * forced, where the cluster could lose data or answers by it.
   */
  async intend(id: string, intent: Intent, { dryRun, force }: Care): Promise<void> {
    const view = await this.view()
    if (!view.nodes.some((one) => one.id === id)) throw noNode(id)
    const refusal = force ? undefined : refusalOf(id, intent, view)
    if (refusal !== undefined)
      throw new HalfsecondError('INVALID', `${refusal}; --force does it nevertheless`)
    if (!dryRun) await this.uses.cluster.intend(id, intent)
  }

  /** Wishes that a node leads a shard, until that is cancelled. Rejects with `INVALID`. */
  async move(shard: number, to: string, dryRun: boolean): Promise<void> {
    const view = await this.view()
    if (view.shards[shard] === undefined) {
      const last = view.shards.length - 1
      throw new HalfsecondError('INVALID', `a shard is a number from 0 to ${last}`)
    }
    const node = view.nodes.find(({ id }) => id === to)
    if (node === undefined) throw noNode(to)
    if (node.state === 'away') throw new HalfsecondError('INVALID', `${to} is away`)
    if (node.intent !== 'serve')
      throw new HalfsecondError(
        'INVALID',
        `${to} takes no shards: it ${node.intent === 'drain' ? 'drains' : 'is decommissioned'}; see halfsecond node undrain`,
      )
    if (dryRun) return
    await this.uses.cluster.coordinator.wish(({ isPaused, moves }) => ({
      isPaused,
      moves: [...moves.filter((one) => one.shard !== shard), { shard, to }],
    }))
  }

  /** All that is going to change if every copy succeeds and nothing is paused. */
  async plan(): Promise<readonly PlannedMove[]> {
    const { cluster, clock } = this.uses
    if (!(await this.refresh()))
      throw new HalfsecondError('UNAVAILABLE', 'what nodes agree on cannot be read now')
    const input = cluster.coordinator.planFrom({ ...this.wishes, isPaused: false })
    if (input === undefined) throw new HalfsecondError('UNAVAILABLE', 'no shard map yet')
    let last: NextMapInput = assumeFollowed(input, input.map)
    for (let step = 0; step < stepsMax; step++) {
      const next = nextMap(last)
      if (next === undefined) break
      last = assumeFollowed(last, next)
      // Each step takes milliseconds in a large cluster: decides come between.
      await new Promise<void>((done) => clock.soon(done))
    }
    return describePlan(input.map, last.map, input.rows, input.moves)
  }

  /** Lets the cluster move shards for balance. */
  async apply(): Promise<void> {
    await this.uses.cluster.coordinator.wish(({ moves }) => ({ isPaused: false, moves }))
  }

  /** Stops moves for balance and forgets those that were asked for. Failing over goes on. */
  async cancel(): Promise<void> {
    await this.uses.cluster.coordinator.wish(() => ({ isPaused: true, moves: [] }))
  }

  /** Reads what nodes agree on; false where that does not answer: then the last stays. */
  private async refresh(): Promise<boolean> {
    const { members, coordinator } = this.uses.cluster
    const read = Promise.all([members.refresh(), coordinator.wishes()]).then(
      ([, wishes]) => {
        this.wishes = wishes
        return true
      },
      () => false,
    )
    return this.within(read, false)
  }

  /** How full all logs are, as the nodes say that lead them. */
  private async rooms(): Promise<ReadonlyMap<number, LogRoom>> {
    const { cluster, node, bus } = this.uses
    const { trimmer, members } = cluster
    const others = Array.from(members.reports())
      .filter(([id, { silentMs }]) => id !== node && silentMs < askMs)
      .map(([id]) =>
        bus
          .request(subjects.control(id), roomsRequest, askMs)
          .then(readRooms)
          .catch(() => new Map<number, LogRoom>()),
      )
    const all = await Promise.all(others)
    return new Map([...all.flatMap((rooms) => [...rooms]), ...trimmer.room])
  }

  private within<T>(work: Promise<T>, otherwise: T): Promise<T> {
    return new Promise((resolve) => {
      const timer = this.uses.clock.after(askMs, () => resolve(otherwise))
      void work.then((value) => {
        timer.cancel()
        resolve(value)
      })
    })
  }
}

function noNode(id: string): HalfsecondError {
  return new HalfsecondError('INVALID', `no node "${id}"; see halfsecond node ls`)
}
