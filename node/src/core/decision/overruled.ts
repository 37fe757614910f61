import type { FeatureState } from '../features/feature-state.ts'
import type { Registers } from '../fragment/registers.ts'

/** What makes the latest match of a limit count for nothing. */
export type Unless =
  /** A cancellation that is not earlier: then nothing is accepted any more. */
  | { readonly kind: 'cancelled'; readonly cancel: number }
  /**
   * An acceptance that has not been cancelled since: what was rejected before it, or while it keeps
   * the offer away, does not count. Infinity: it does so for ever.
   */
  | {
      readonly kind: 'accepted'
      readonly accept: number
      readonly cancel: number
      readonly keptAwayMs: number
    }
  /** A later consent to one of these purposes. */
  | { readonly kind: 'consented'; readonly purposes: readonly string[] }

export interface OverruleScope {
  readonly features: Pick<FeatureState, 'isWhole' | 'last'>
  readonly consents: Registers<boolean> | null
}

/**
 * Whether a limit does not hold: nothing matched that it counts, or what did was overruled. Where
 * that is not known it holds.
 * @param feature what the limit counts
 */
export function isOverruled(
  unless: Unless,
  feature: number,
  { features, consents }: OverruleScope,
): boolean {
  if (!features.isWhole) return false
  const since = features.last(feature)
  if (since === undefined) return true
  switch (unless.kind) {
    case 'cancelled':
      return isLast(features, unless.cancel, since)
    case 'accepted': {
      const accepted = features.last(unless.accept)
      if (accepted === undefined || isLast(features, unless.cancel, accepted)) return false
      return since <= accepted || since < accepted + unless.keptAwayMs
    }
    case 'consented':
      return unless.purposes.some((purpose) => {
        const consent = consents?.get(purpose)
        return consent?.value === true && consent.at > since
      })
  }
}

/** Whether a feature matched at this time or later. */
function isLast(features: OverruleScope['features'], feature: number, since: number): boolean {
  const last = features.last(feature)
  return last !== undefined && last >= since
}
