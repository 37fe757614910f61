import type { Clock, Store } from '../ports.ts'
import type { Shard } from '../shards/shard.ts'
import { SnapshotDonor } from './snapshot-donor.ts'

export interface ControlDependencies {
  readonly store: Store
  readonly shard: (number: number) => Shard | undefined
  readonly clock: Clock
}

/** What other nodes ask of this one apart from decides: copies of its shards. */
export class ControlDoor {
  private readonly donor: SnapshotDonor

  constructor(uses: ControlDependencies) {
    this.donor = new SnapshotDonor(uses)
  }

  answer(request: Uint8Array): Uint8Array {
    return this.donor.answer(request)
  }

  /** Ends the copies that are under way. */
  close(): void {
    this.donor.close()
  }
}
