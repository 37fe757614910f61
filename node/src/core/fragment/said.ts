import { cancel, type Outcome, type OutcomeRecord } from '@halfsecond/protocol'

/** What an outcome says: two of them mean more than their name. */
export type Said = Outcome | 'cancel' | 'unsubscribe group'

export function saidBy({ outcome, reason, across }: OutcomeRecord): Said {
  if (outcome === 'reject' && reason === cancel) return 'cancel'
  return outcome === 'unsubscribe' && across === 'group' ? 'unsubscribe group' : outcome
}

/** What was shown: one offer at one place of one decision. */
export type Shown = Pick<OutcomeRecord, 'decision' | 'placement' | 'offer'>

/** Names what was shown. The space keeps it apart from ids. */
export function propositionOf({ decision, placement, offer }: Shown): string {
  return `outcome ${decision}|${placement}|${offer}`
}

/** As `propositionOf`: names the grant of it. */
export function grantOf({ decision, placement, offer }: Shown): string {
  return `grant ${decision}|${placement}|${offer}`
}

/**
 * What only somebody can say who saw it. The earliest of these about a proposition, by (at', id),
 * counts as its display, whether or not a display was reported.
 */
export const showing: readonly Said[] = ['display', 'click', 'accept']

export function isShowing(record: OutcomeRecord): boolean {
  return showing.includes(record.outcome)
}

/** Finds, in a timeline in order, what was the first to show a proposition. */
export class FirstShown {
  private readonly known = new Set<string>()

  isFirst(record: OutcomeRecord): boolean {
    if (!isShowing(record)) return false
    const proposition = propositionOf(record)
    if (this.known.has(proposition)) return false
    this.known.add(proposition)
    return true
  }
}

/** What features count an outcome as. */
export function countedAs(record: OutcomeRecord, isFirstShown: boolean): readonly Said[] {
  const said = saidBy(record)
  switch (said) {
    case 'display':
      return isFirstShown ? [said] : nothing
    case 'click':
    case 'accept':
      return isFirstShown ? [said, 'display'] : [said]
    case 'cancel':
      return [said, 'reject']
    case 'unsubscribe group':
      return [said, 'unsubscribe']
    case 'reject':
    case 'dismiss':
    case 'unsubscribe':
      return [said]
  }
}

const nothing: readonly Said[] = []
