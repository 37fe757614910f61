import {
  type FragmentId,
  fragmentIdOf,
  HalfsecondError,
  type Identifier,
} from '@halfsecond/protocol'
import type { ErasureView, HeadView } from '../../core/person/head-view.ts'
import type { People } from '../people/people.ts'
import type { Erased, Tombstone } from '../ports.ts'
import type { ExpungeJob, ExpungeState } from './expunge-job.ts'
import { tombstoneKey } from './tombstone-key.ts'

export interface ErasuresDependencies {
  readonly people: People
  readonly erased: Erased
  readonly hash: (text: string) => string
  readonly job: ExpungeJob
}

/** What became of an erase; times in milliseconds since 1970. */
export interface Receipt {
  readonly eraseId: string
  readonly identifier: Identifier
  readonly requestedAt: number
  /** Since when no answer, export or view shows anything of it. */
  readonly effectiveAt: number | null
  /** Since when no file of the cluster holds anything of it. */
  readonly expungedAt: number | null
  /** Identifiers that it spread to and that have not answered yet. */
  readonly waitingFor: number
}

/** What would be erased. */
export interface ErasePlan {
  readonly identifier: FragmentId
  /** With all that it spreads to, the one that was asked for first. */
  readonly members: readonly HeadView[]
}

/** Erases, as operators see them: whichever node is asked. */
export class Erasures {
  private readonly uses: ErasuresDependencies

  constructor(uses: ErasuresDependencies) {
    this.uses = uses
  }

  /** Of the files: see `ExpungeJob`. */
  get expunging(): ExpungeState {
    return this.uses.job.state
  }

  /** Gets what is effective now out of all files. Rejects with `UNAVAILABLE`. */
  expunge(): Promise<void> {
    return this.uses.job.run()
  }

  /**
   * What an erase would take. Rejects with `INVALID` for a device that several people used, where
   * none of its epochs is named.
   */
  async plan(identifier: Identifier, epoch: number | undefined): Promise<ErasePlan> {
    const { people } = this.uses
    const first = await people.head(identifier)
    const epochs = first?.epochs.length ?? 0
    if (epoch === undefined && first?.isShared === true)
      throw new HalfsecondError(
        'INVALID',
        `several people used this device: name the epoch that is to be erased, 0 to ${epochs - 1}; see halfsecond profile get --epoch`,
      )
    if (epoch !== undefined && epoch >= Math.max(1, epochs))
      throw new HalfsecondError('INVALID', `this identifier has no epoch ${epoch}`)
    const numbers = epoch === undefined ? range(Math.max(1, epochs)) : [epoch]
    const members = new Map<FragmentId, HeadView>()
    for (const number of numbers) {
      const found = await people.members(fragmentIdOf(identifier, number))
      for (const head of found?.all ?? []) members.set(head.id, head)
    }
    return { identifier: fragmentIdOf(identifier, epoch ?? 0), members: [...members.values()] }
  }

  /** Undefined where this erase did not reach the identifier, or not yet. */
  async receipt(identifier: Identifier, eraseId: string): Promise<Receipt | undefined> {
    const { people, erased, hash } = this.uses
    const first = await people.head(identifier)
    const reached: { readonly view: ErasureView; readonly stone: Tombstone | undefined }[] = []
    for (const number of range(Math.max(1, first?.epochs.length ?? 0))) {
      const id = fragmentIdOf(identifier, number)
      const head = number === 0 ? first : await people.head(id)
      const view = head?.erasures.find((one) => one.eraseId === eraseId)
      if (view === undefined) continue
      reached.push({ view, stone: await erased.get(tombstoneKey(id, hash), eraseId) })
    }
    if (reached.length === 0) return undefined
    const stones = reached.map(({ stone }) => stone)
    return {
      eraseId,
      identifier,
      requestedAt: Math.min(...reached.map(({ view }) => Date.parse(view.at))),
      effectiveAt: latest(stones.map((stone) => stone?.effectiveAt ?? 0)),
      expungedAt: latest(stones.map((stone) => stone?.expungedAt ?? 0)),
      waitingFor: reached.reduce((sum, { view }) => sum + view.waiting, 0),
    }
  }
}

/** Null while one of them has not come. */
function latest(times: readonly number[]): number | null {
  return times.every((time) => time > 0) ? Math.max(...times) : null
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}
