import type { FragmentId } from '@halfsecond/protocol'
import type { Exposure } from '../../core/decision/decide.ts'
import type { Shown } from '../../core/fragment/said.ts'
import type { Clock } from '../ports.ts'
import type { GivenProposition } from './grants-of.ts'

/** What was given and is not displayed by then never will be, as far as limits care. */
export const reservedMs = 60_000

/** Propositions that one person may wait for: whoever asks faster makes the oldest go. */
export const reservedPerPersonMax = 32

/** Propositions that one node remembers, about 200 bytes each: the oldest go first. */
const reservedMax = 100_000

/** What limits will count of a proposition, and do not count yet. */
export interface Awaited {
  readonly display: boolean
  readonly grant: boolean
}

interface Reservation {
  readonly root: FragmentId
  readonly given: GivenProposition
  /** By the clock that never jumps. */
  readonly at: number
  readonly awaited: { display: boolean; grant: boolean }
  readonly isToBeGranted: boolean
}

/**
 * What this node gave and nobody has displayed yet, in memory only. Until it is displayed, or for
 * `reservedMs`, it counts as displayed, so that two placements or tabs do not get what a limit
 * allows once.
 *
 * R1 a question that is asked again is not in its own way: what its decision gave does not count.
 * R2 what the timeline counts does not count here any more.
 */
export class Reservations {
  private readonly clock: Pick<Clock, 'monotonic'>
  private readonly max: number
  /** By root, the oldest first. */
  private readonly byRoot = new Map<FragmentId, Reservation[]>()
  /** All, the oldest first, from `first` on; among them some that are no longer reserved. */
  private queue: Reservation[] = []
  private first = 0
  private count = 0

  constructor(clock: Pick<Clock, 'monotonic'>, max = reservedMax) {
    this.clock = clock
    this.max = max
  }

  get size(): number {
    return this.count
  }

  /**
   * What the members of a profile were given and the profile does not know, each member as the root
   * that it was then.
   * @param isKnown whether the timeline has what is awaited of a proposition
   */
  of(
    members: ReadonlySet<FragmentId>,
    decision: string,
    isKnown: (given: GivenProposition, awaited: keyof Awaited, root: FragmentId) => boolean,
  ): readonly Exposure[] {
    if (this.count === 0) return none
    let exposures: Exposure[] | undefined
    for (const root of members) {
      for (const one of this.byRoot.get(root) ?? nobody) {
        if (!this.isLive(one)) continue
        const { given, awaited } = one
        if (awaited.display && isKnown(given, 'display', root)) awaited.display = false
        if (awaited.grant && isKnown(given, 'grant', root)) awaited.grant = false
        const exposure = exposureOf(one, given.decision === decision)
        if (exposure === undefined) continue
        exposures ??= []
        exposures.push(exposure)
      }
    }
    return exposures ?? none
  }

  /** Of a proposition that is reserved already nothing changes. */
  reserve(root: FragmentId, given: GivenProposition, { display, grant }: Awaited): void {
    this.makeRoom()
    const all = this.byRoot.get(root)
    if (all?.some((one) => isSame(one.given, given))) return
    const [oldest] = all ?? nobody
    if (oldest !== undefined && all?.length === reservedPerPersonMax) this.remove(oldest)
    const at = this.clock.monotonic()
    const one = { root, given, at, awaited: { display, grant }, isToBeGranted: grant }
    if (all) all.push(one)
    else this.byRoot.set(root, [one])
    this.queue.push(one)
    this.count++
  }

  /** It was not given after all. */
  release(root: FragmentId, given: Shown): void {
    const one = this.byRoot.get(root)?.find((each) => isSame(each.given, given))
    if (one !== undefined) this.remove(one)
  }

  private isLive({ at }: Reservation): boolean {
    return this.clock.monotonic() - at < reservedMs
  }

  /** Nobody waits for what is too old; and what waits longest goes where there is too much. */
  private makeRoom(): void {
    for (let one = this.queue[this.first]; one !== undefined; one = this.queue[this.first]) {
      if (this.isLive(one) && this.count < this.max) break
      this.first++
      this.remove(one)
    }
    // The front of an array is removed in few large pieces, so that each costs next to nothing.
    if (this.first < keptGone || 2 * this.first < this.queue.length) return
    this.queue = this.queue.slice(this.first)
    this.first = 0
  }

  private remove(one: Reservation): void {
    const all = this.byRoot.get(one.root)
    const place = all?.indexOf(one) ?? -1
    if (all === undefined || place < 0) return
    all.splice(place, 1)
    this.count--
    if (all.length === 0) this.byRoot.delete(one.root)
  }
}

/** Places of the queue that may lie idle. */
const keptGone = 1_024

const nobody: readonly Reservation[] = []
const none: readonly Exposure[] = []

function exposureOf(
  { given: { placement, offer }, awaited, isToBeGranted }: Reservation,
  isOwn: boolean,
): Exposure | undefined {
  const { display, grant } = awaited
  if (isOwn) return isToBeGranted && !grant ? { placement, offer, known: 'repeated' } : undefined
  if (display && grant) return { placement, offer }
  if (display) return { placement, offer, known: 'granted' }
  return grant ? { placement, offer, known: 'displayed' } : undefined
}

function isSame(one: Shown, other: Shown): boolean {
  return (
    one.decision === other.decision &&
    one.placement === other.placement &&
    one.offer === other.offer
  )
}
