import { decide } from '../../src/core/decision/decide.ts'
import { type Decided, encodeDecision } from '../../src/core/decision/logged-decision.ts'
import { ZoneCalendar } from '../../src/system/zone-calendar.ts'

/** What a decision is made of. */
type Made = Pick<Decided, 'decision' | 'key' | 'request' | 'profile' | 'playbook'>

const calendar = new ZoneCalendar()

/** A decision that is made now, as node `n1` would note it. */
export function decidedBy(made: Made & Partial<Decided>): Decided {
  const { key, request, profile, playbook } = made
  return {
    node: 'n1',
    members: [key],
    versionOf: () => undefined,
    positions: [],
    pending: 0,
    position: [0, 0, 0],
    isFresh: true,
    playbookVersion: 1,
    choices: made.choices ?? decide(profile, request, playbook, calendar),
    ...made,
  }
}

/** As it is logged; of 2^halvings decisions one is. */
export function loggedEntry(decided: Decided, halvings = 0): Uint8Array {
  const entry = encodeDecision(decided, halvings)
  if (entry === undefined) throw new TypeError('small enough to be logged')
  return entry
}
