import type { FragmentId } from '@halfsecond/protocol'
import type { Exposure } from '../../core/decision/decide.ts'
import type { Shown } from '../../core/fragment/said.ts'
import type { Clock } from '../ports.ts'

/** What was given and is not displayed by then never will be, as far as limits care. */
export const reservedMs = 60_000

/** Propositions that one person may wait for: whoever asks faster makes the oldest go. */
export const reservedPerPersonMax = 32

/** Propositions that one node remembers, about 200 bytes each: the oldest people go first. */
const reservedMax = 100_000

/** What limits will count of a proposition, and do not count yet. */
export interface Awaited {
  readonly display: boolean
  readonly grant: boolean
}

interface Reservation {
  readonly given: Shown
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
  /** By root; whoever was given something last stands last. */
  private readonly byRoot = new Map<FragmentId, Reservation[]>()
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
    isKnown: (given: Shown, awaited: keyof Awaited) => boolean,
  ): readonly Exposure[] {
    if (this.count === 0) return none
    let exposures: Exposure[] | undefined
    for (const root of members) {
      for (const one of this.byRoot.get(root) ?? nobody) {
        if (!this.isLive(one)) continue
        const { given, awaited } = one
        if (awaited.display && isKnown(given, 'display')) awaited.display = false
        if (awaited.grant && isKnown(given, 'grant')) awaited.grant = false
        const exposure = exposureOf(one, given.decision === decision)
        if (exposure === undefined) continue
        exposures ??= []
        exposures.push(exposure)
      }
    }
    return exposures ?? none
  }

  /** Of a proposition that is reserved already nothing changes. */
  reserve(root: FragmentId, given: Shown, { display, grant }: Awaited): void {
    const before = this.byRoot.get(root)
    const kept = before?.filter((one) => this.isLive(one)) ?? []
    if (kept.some((one) => isSame(one.given, given))) return
    if (kept.length === reservedPerPersonMax) kept.shift()
    const at = this.clock.monotonic()
    kept.push({ given, at, awaited: { display, grant }, isToBeGranted: grant })
    this.count += kept.length - (before?.length ?? 0)
    this.byRoot.delete(root)
    this.byRoot.set(root, kept)
    this.makeRoom()
  }

  /** It was not given after all. */
  release(root: FragmentId, given: Shown): void {
    const before = this.byRoot.get(root)
    if (before === undefined) return
    const kept = before.filter((one) => !isSame(one.given, given))
    this.count += kept.length - before.length
    if (kept.length > 0) this.byRoot.set(root, kept)
    else this.byRoot.delete(root)
  }

  private isLive({ at }: Reservation): boolean {
    return this.clock.monotonic() - at < reservedMs
  }

  /** Whoever waits longest goes, and with them all that nobody asked for in time. */
  private makeRoom(): void {
    for (const [root, all] of this.byRoot) {
      const newest = all[all.length - 1]
      if (this.count <= this.max && newest !== undefined && this.isLive(newest)) return
      this.byRoot.delete(root)
      this.count -= all.length
    }
  }
}

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
