import type { IdentityWorld } from './identity-world.ts'

const counted = [
  'copies',
  /** Copies that somebody holds who is no root. */
  'copies-on-the-way',
  'refused-links',
  /** Of these, which were found to lie within one profile. */
  'reinstated-links',
  /** Links that somebody logged in by, too late, on a device that was another's then. */
  'conflicts',
  'shared-devices',
  'erased-fragments',
  /** Of these, who told others, or was told by them. */
  'spread-erases',
  /** Names of those that others kept, and forgot. */
  'forgotten-names',
  'expired-fragments',
  'sealed-timelines',
  'stricter-rules',
  'late-messages',
  'restarts',
  /** Records of which it was foreseen what they do. */
  'foreseen',
  /** Links that were taken back, compared with a world that never had them. */
  'unmerged',
] as const

export type Reached = (typeof counted)[number]

/** How often what happened: a state that no history reaches proves nothing. */
export class ReachedStates {
  private readonly counts = new Map<Reached, number>(counted.map((what) => [what, 0]))

  count(what: Reached, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times)
  }

  /** Counts what a world at rest holds. */
  look({ replicas, rules }: IdentityWorld): void {
    if (rules.version > 0) this.count('stricter-rules')
    for (const { fragments } of replicas) {
      for (const { ties, device, sealed } of fragments.values()) {
        if (sealed !== null) this.count('sealed-timelines')
        if (device !== null && device.epochs.length > 1) this.count('shared-devices')
        if (ties === null) continue
        this.count('forgotten-names', ties.forgotten?.size ?? 0)
        for (const { copies } of ties.below.values()) {
          this.count('copies', copies.size)
          if (ties.told.size > 0) this.count('copies-on-the-way', copies.size)
        }
        for (const { state, reason } of ties.links.values())
          if (state === 'refused')
            this.count(reason.startsWith('a profile') ? 'refused-links' : 'conflicts')
        if (ties.tomb === null) continue
        this.count('erased-fragments')
        const hasTold = [...ties.tomb.erasures.values()].some(({ told }) => told.size > 0)
        if (hasTold) this.count('spread-erases')
      }
    }
  }

  /** In a fixed order. */
  get all(): readonly (readonly [Reached, number])[] {
    return counted.map((what) => [what, this.counts.get(what) ?? 0] as const)
  }
}
