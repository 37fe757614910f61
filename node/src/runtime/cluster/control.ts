import { decode, encode, isFields, type Namespaces } from '@halfsecond/protocol'
import { type EraseRequest, eraseRequestOf } from '../erase/erase-messages.ts'
import type { Clock, Store } from '../ports.ts'
import type { ReadRequest } from '../reads.ts'
import type { Shard } from '../shards/shard.ts'
import { ReadDoor } from './read-door.ts'
import { readMessageOf } from './read-messages.ts'
import { encodeRooms } from './room-messages.ts'
import { SnapshotDonor } from './snapshot-donor.ts'
import { encodeFailure } from './snapshot-messages.ts'
import type { LogRoom } from './trimmer.ts'

export interface ControlDependencies {
  readonly store: Store
  readonly shard: (number: number) => Shard | undefined
  readonly clock: Clock
  readonly namespaces: () => Namespaces
  /** Answers from what this node holds itself. */
  readonly read: (request: ReadRequest) => AsyncIterable<Uint8Array>
  /** This node's part in an erase. */
  readonly erase: (request: EraseRequest) => Promise<Uint8Array>
  /** Fetches and compiles a playbook, so that it can decide by it at once. */
  readonly stagePlaybook: (hash: string) => Promise<unknown>
  /** Of the logs that this node leads. */
  readonly rooms: () => ReadonlyMap<number, LogRoom>
}

/**
 * What other nodes ask of this one apart from decides: copies of its shards, what it knows of
 * visitors, to get a playbook ready, and how full the logs are that it leads.
 */
export class ControlDoor {
  private readonly uses: ControlDependencies
  private readonly donor: SnapshotDonor
  private readonly reads: ReadDoor

  constructor(uses: ControlDependencies) {
    this.uses = uses
    this.donor = new SnapshotDonor(uses)
    this.reads = new ReadDoor(uses)
  }

  /** Never throws: failures are answers. */
  async answer(request: Uint8Array): Promise<Uint8Array> {
    try {
      const value = decode(request)
      if (isFields(value) && value.op === 'rooms') return encodeRooms(this.uses.rooms())
      if (isFields(value) && value.op === 'playbook.stage' && typeof value.hash === 'string') {
        await this.uses.stagePlaybook(value.hash)
        return encode({})
      }
      const erase = isFields(value) ? eraseRequestOf(value) : undefined
      if (erase) return await this.uses.erase(erase)
      if (isFields(value) && typeof value.op === 'string' && value.op.startsWith('read'))
        return await this.reads.answer(readMessageOf(value, this.uses.namespaces()))
      return this.donor.answer(request)
    } catch (error) {
      return encodeFailure(error)
    }
  }

  /** Drops what is under way; whoever asked asks another node. */
  close(): void {
    this.donor.close()
    this.reads.close()
  }
}
